"""The quiz: what it asks and offers, its page, and what it refuses."""

import base64
import io
import json
import re
from collections import Counter

import numpy as np
import pytest
from commands import CLASSES, PLUGIN, neatfool, run_paid, run_small
from idx_files import write_idx
from PIL import Image

from neatfool import open_run

NOTHING = "nothing at all"
OFFERING = PLUGIN.replace(
    "class Patches(Target):\n",
    """class Patches(Target):
    def photographs(self):
        from PIL import Image
        return {f"grey {level}": Image.new("L", (40, 30), level) for level in (0, 250)}

    def fit_photograph(self, photograph):
        return np.asarray(photograph.convert("L").resize((8, 6)))[None].copy()

""",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def photographs(tmp_path):
    """Make photographs in folders, whose names are labels: a class, and an index."""
    for label, level in (("school bus", 200), ("0", 10)):
        for number in range(3):
            file = tmp_path / "photographs" / label / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 48), (level, 0, 0)).save(file)
    return tmp_path / "photographs"


def asked(run, page, *options):
    """Write a quiz; give what it asks, with the picture of each question."""
    runs = run if isinstance(run, list) else [run]
    neatfool("quiz", *runs, "-o", page, *options, exit_code=0)
    told = json.loads(re.search(r'id="told">(.*?)</script>', page.read_text())[1])
    rows = json.loads(base64.b64decode(told["key"]))
    return [row | {"src": src} for row, src in zip(rows, told["pictures"], strict=True)]


def of_kind(rows, kind):
    return [row for row in rows if row["kind"] == kind]


def pixels(row):
    with Image.open(io.BytesIO(base64.b64decode(row["src"].partition(",")[2]))) as image:
        return np.asarray(image)


def choices(row):
    return [row[name] for name in row if name.startswith("choice_") and row[name]]


def test_it_asks_about_elites_photographs_and_noise(small, photographs, tmp_path):
    rows = asked(small, tmp_path / "s.html", "--in-distribution", photographs, "--photographs", 4)
    assert Counter(row["kind"] for row in rows) == {"evolved": 4, "photograph": 4, "noise": 3}
    sure = {elite.name: elite.confidence for elite in open_run(small)}
    evolved = of_kind(rows, "evolved")
    assert {row["class"]: row["confidence"] for row in evolved} == sure
    assert {(row["run"], row["seed"], row["known_by"]) for row in evolved} == {
        ("small", 3, "network")
    }
    shown = {(row["class"], row["known_by"]) for row in of_kind(rows, "photograph")}
    assert shown == {("school bus", "label"), ("dark", "label")}
    assert {row["class"] for row in of_kind(rows, "noise")} == {NOTHING}
    assert [row["image"] for row in rows] == [*range(1, 12)]


def test_the_right_class_is_offered_once_among_others(small, photographs, tmp_path):
    for row in asked(small, tmp_path / "s.html", "--in-distribution", photographs):
        assert sorted(choices(row)) == sorted(CLASSES)  # there are only four


def test_other_images_classes_are_offered_first(tmp_path, small, photographs):
    (photographs / "school bus").rename(photographs / "omnibus")
    for label in ("tram", "cab", "van"):
        (photographs / label).mkdir()
        (photographs / "0" / "0.png").rename(photographs / label / "0.png")
        Image.new("RGB", (64, 48)).save(photographs / "0" / "0.png")
    options = ("--in-distribution", photographs, "--photographs", 9, "--classes", "dark")
    rows = asked(small, tmp_path / "s.html", *options)
    shown = {row["class"] for row in rows} - {NOTHING}
    assert shown == {"dark", "omnibus", "tram", "cab", "van"}
    for row in rows:
        assert {*choices(row)} == shown


def test_equal_seeds_ask_the_same_and_others_something_else(small, photographs, tmp_path):
    options = ("--in-distribution", photographs, "--photographs", 2, "--sample", 2)
    first = asked(small, tmp_path / "a.html", *options)
    assert asked(small, tmp_path / "b.html", *options) == first
    assert pixels(first[0]).tolist() == pixels(first[0]).tolist()
    assert asked(small, tmp_path / "c.html", *options, "--seed", 2) != first


def test_pixels_are_enlarged_and_pictures_drawn(small, tmp_path):
    rows = of_kind(asked(small, tmp_path / "pixels.html"), "evolved")
    for row in rows:
        saved = open_run(small)[row["class"]].saved_pixels()[0]
        assert (pixels(row) == saved.repeat(56, 0).repeat(56, 1)).all()
    run = run_small(tmp_path, "encoding.preset=patterns", "target.channels=3")
    rows = asked(run, tmp_path / "drawn.html")
    for row in of_kind(rows, "evolved"):
        drawn = open_run(run)[row["class"]].pixels((6 * 56, 8 * 56)).transpose(1, 2, 0)
        assert np.abs(pixels(row).astype(float) - drawn).mean() < 4  # WebP
    for row in of_kind(rows, "noise"):
        shown = pixels(row)
        assert (shown == shown[::56, ::56].repeat(56, 0).repeat(56, 1)).all()


def test_several_runs_share_the_sample(small, tmp_path):
    other = run_small(tmp_path, "experiment.seed=4")
    rows = of_kind(asked([small, other], tmp_path / "s.html", "--sample", 5), "evolved")
    assert Counter(row["seed"] for row in rows) == {3: 2, 4: 3}


def test_no_answer_is_to_be_read_at_a_glance(small, tmp_path):
    rows = asked(small, tmp_path / "quiz.html")
    text = (tmp_path / "quiz.html").read_text()
    assert not [name for name in CLASSES[1:] if name in text]
    assert "The right answers are in this page, too" in text
    assert {row["class"] for row in rows} == {*CLASSES, NOTHING}
    assert "://" not in re.sub(r'data:image/[^"]*', "", text)


def test_the_targets_own_photographs_show_what_the_network_says(tmp_path):
    run = run_small(tmp_path, plugin=OFFERING)
    rows = of_kind(asked(run, tmp_path / "s.html"), "photograph")
    assert sorted((row["class"], row["known_by"]) for row in rows) == [
        ("bright", "network"),
        ("dark", "network"),
    ]
    for row in rows:
        assert {*np.unique(pixels(row))} == {250 if row["class"] == "bright" else 0}


def test_a_photograph_that_the_target_rejects_is_left_out(tmp_path):
    rejecting = OFFERING.replace("channels, ", "channels, sums_to_one=False, classes=").replace(
        "keepdims=True), logits)", "keepdims=True) * (images.max((1, 2, 3)) > 0)[:, None])"
    )
    rows = of_kind(asked(run_small(tmp_path, plugin=rejecting), tmp_path / "s.html"), "photograph")
    assert [(row["class"], row["known_by"]) for row in rows] == [("bright", "network")]


def test_a_target_that_costs_something_is_not_asked(tmp_path, photographs):
    run = run_paid(tmp_path, OFFERING)
    before = (tmp_path / "asked").read_text()
    assert not of_kind(asked(run, tmp_path / "own.html", "--least", 0), "photograph")
    (photographs / "0" / "0.png").rename(photographs / "unlabelled.png")
    options = ("--in-distribution", photographs, "--photographs", 6, "--least", 0)
    rows = of_kind(asked(run, tmp_path / "given.html", *options), "photograph")
    assert {row["known_by"] for row in rows} == {"label"}
    assert len(rows) == 5
    assert (tmp_path / "asked").read_text() == before


def test_a_strangers_network_is_not_loaded_unasked(small, tmp_path, monkeypatch):
    monkeypatch.setenv("NEATFOOL_CONFIG", str(tmp_path / "mine"))
    page = tmp_path / "quiz.html"
    refused = neatfool("quiz", small, "-o", page, exit_code=5)
    assert "--trust" in refused.stderr
    assert not page.exists()
    for name, option in (("none", ["--photographs", 0]), ("trusted", ["--trust"])):
        neatfool("quiz", small, "-o", tmp_path / f"{name}.html", *option, exit_code=0)


def test_without_enough_photographs_it_says_so(small, tmp_path):
    result = neatfool("quiz", small, "-o", tmp_path / "quiz.html", exit_code=0)
    assert "There are only 0 photographs; give more with --in-distribution." in result.stderr


def test_digits_are_photographs_with_their_labels(tmp_path, small):
    for name, count in (("train", 1), ("t10k", 3)):
        write_idx(tmp_path, np.zeros((count, 28, 28)), np.full(count, 2), parts=[name])
    rows = of_kind(asked(small, tmp_path / "s.html", "--in-distribution", tmp_path), "photograph")
    assert [(row["class"], row["known_by"]) for row in rows] == [(CLASSES[2], "label")] * 3


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--least", 1], 5, "no elite has a confidence of 1 or more"),
        (["--classes", "zebra"], 2, "there is no class 'zebra'"),
        (["--in-distribution", "absent"], 2, "does not exist"),
        (["-o", "absent/quiz.html"], 6, "cannot be written"),
    ],
)
def test_what_cannot_be_asked_is_refused(small, options, code, said):
    result = neatfool("quiz", small, *options, exit_code=code)
    assert said in result.stderr
