"""Verification: the saved images are scored again, and what is wrong with them is said."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from searches import Silence, run_whole, toy_assembly

from neatfool import VerificationError
from neatfool.evolution.session import start
from neatfool.evolution.verification import verify
from neatfool.run.images import decode_png, encode_png
from neatfool.run.statistics import TOLERANCE
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyTarget


def scorer(batch_size=20):
    return Scorer(ToyTarget(), name="target 'toy'", plan=ScoringPlan(batch_size))


@pytest.fixture
def run(tmp_path):
    with closing(run_whole(toy_assembly(), tmp_path / "run")) as run:
        yield run


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_each_image_is_scored_whatever_the_batch(run, batch_size):
    assert verify(run, scorer(batch_size)) == verify(run, scorer())


def differing(run):
    return [v.name for v in verify(run, scorer()) if v.difference > TOLERANCE]


def test_the_files_are_scored_and_not_what_the_database_holds(run):
    file = run["c"].file
    pixels = decode_png(file.read_bytes()).copy()
    pixels[0, 1, 2] ^= 0x80
    file.write_bytes(encode_png(pixels))
    assert differing(run) == ["c"]
    measured = verify(run, scorer())[2].measured
    assert measured == ToyTarget().score(pixels[None]).probs[0, 2]


def test_a_run_that_has_only_begun_has_nothing_to_verify(tmp_path):
    session = start(toy_assembly(), tmp_path / "run")
    assert verify(session.run, scorer()) == []
    session.go(Silence(), lambda: True)


# --- files that cannot be scored


def fold_up(file):
    file.unlink()
    file.mkdir()


def blank(*shape):
    return lambda file: file.write_bytes(encode_png(np.zeros(shape, np.uint8)))


UNREADABLE = "not a readable PNG ("
DAMAGE = {
    "missing": (Path.unlink, "missing; resuming the run writes"),
    "empty": (lambda file: file.write_bytes(b""), UNREADABLE),
    "cut in its pixels": (lambda file: file.write_bytes(file.read_bytes()[:-30]), UNREADABLE),
    "its header": (
        lambda file: file.write_bytes(file.read_bytes().replace(b"IHDR", b"IHDr")),
        UNREADABLE,
    ),
    "a folder": (fold_up, UNREADABLE),
    "transparent": (lambda file: Image.open(file).convert("RGBA").save(file), UNREADABLE),
    "of another depth": (lambda file: Image.new("I;16", (4, 4)).save(file), UNREADABLE),
    "too wide": (blank(1, 4, 5), "is (1, 4, 5) (channels, height, width), not (1, 4, 4)"),
    "coloured": (blank(3, 4, 4), "is (3, 4, 4) (channels, height, width), not (1, 4, 4)"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_file_is_named_with_what_is_wrong(run, damage):
    file = run["d"].file
    change, said = DAMAGE[damage]
    change(file)
    with pytest.raises(VerificationError) as caught:
        verify(run, scorer())
    assert str(caught.value).startswith(f"{file}: {said}")


def measured_or_said(run, index):
    try:
        return verify(run, scorer())[index].measured
    except VerificationError as error:
        return str(error)


def test_no_damage_to_a_byte_passes_unnoticed(run):
    elite = run["c"]
    png = elite.file.read_bytes()
    for place in range(len(png) - len(b"IEND") - 4):
        elite.file.write_bytes(png[:place] + bytes([png[place] ^ 0xFF]) + png[place + 1 :])
        result = measured_or_said(run, elite.index)
        if isinstance(result, str):
            assert result.startswith(f"{elite.file}: ")
        else:
            same = (decode_png(elite.file.read_bytes()) == decode_png(png)).all()
            assert same == (result == elite.confidence), place
