"""``neatfool show`` and ``neatfool verify``."""

from __future__ import annotations

import json
import statistics

import numpy as np
import pytest
from commands import CLASSES, neatfool, neatfool_process
from PIL import Image

from neatfool import open_run
from neatfool.run.images import decode_png, encode_png
from neatfool.wording import percent

pytestmark = pytest.mark.usefixtures("own_sys_path")


def rows(output):
    """Take the rows of a drawn table apart."""
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in output.splitlines()
        if line.startswith("│")
    ]


# show


def test_a_run_is_shown(finished):
    result = neatfool("show", finished)
    assert result.exit_code == 0
    first, confidences, *_ = result.stdout.splitlines()
    assert first.startswith("small, seed 3: generation 7, 160 images, ")
    recorded = [elite.confidence for elite in open_run(finished)]
    assert f"median {percent(statistics.median(recorded))}, " in confidences
    assert f"min {percent(min(recorded))}; " in confidences
    assert f"classes >= 99 %: {sum(value >= 0.99 for value in recorded)}, " in confidences


def test_each_class_is_shown_with_its_name_as_it_is(finished):
    shown = rows(neatfool("show", finished).stdout)
    assert [row[0] for row in shown] == list(CLASSES)
    assert shown == [
        [
            elite.name,
            percent(elite.confidence),
            str(elite.generation),
            str(elite.size.nodes),
            str(elite.size.connections),
            f"images/{elite.file.name}",
        ]
        for elite in open_run(finished)
    ]


def test_many_classes_are_shown_on_request(finished, monkeypatch):
    monkeypatch.setattr("neatfool.cli.show.ROWS", 3)
    short = neatfool("show", finished).stdout
    assert [row[0] for row in rows(short)] == list(CLASSES[:3])
    assert short.endswith("… and 1 more; --all shows them\n")
    assert len(rows(neatfool("show", finished, "--all").stdout)) == len(CLASSES)


def test_a_run_is_shown_as_json(finished):
    result = neatfool("show", finished, "--json")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert list(shown) == [
        "name", "seed", "generation", "evaluations", "evaluations_per_s", "median", "mean",
        "min", "classes_ge_0.99", "classes_ge_0.9999", "statistics", "classes",
    ]  # fmt: skip
    for entry in shown["classes"]:
        assert list(entry) == [
            "name", "index", "confidence", "generation", "genome", "nodes", "connections",
            "image",
        ]  # fmt: skip
        assert (finished / entry["image"]).is_file()
    assert [entry["name"] for entry in shown["classes"]] == list(CLASSES)
    assert [entry["index"] for entry in shown["classes"]] == list(range(len(CLASSES)))
    confidences = [entry["confidence"] for entry in shown["classes"]]
    assert (shown["name"], shown["seed"]) == ("small", 3)
    assert (shown["generation"], shown["evaluations"]) == (7, 160)
    assert shown["evaluations_per_s"] > 0
    assert shown["statistics"]["lower_quartile"] == pytest.approx(np.percentile(confidences, 25))
    assert shown["median"] == pytest.approx(statistics.median(confidences))
    assert shown["mean"] == pytest.approx(statistics.mean(confidences))
    assert shown["min"] == pytest.approx(min(confidences))
    assert shown["classes_ge_0.99"] == sum(value >= 0.99 for value in confidences)
    assert shown["classes_ge_0.9999"] == sum(value >= 0.9999 for value in confidences)


@pytest.mark.parametrize("command", ["show", "verify", "report"])
def test_a_folder_without_a_run_is_refused(command, tmp_path):
    result = neatfool(command, tmp_path / "absent")
    assert result.exit_code == 5
    assert "not a run folder" in result.stderr


@pytest.mark.parametrize("command", ["show", "verify", "resume"])
def test_a_damaged_database_is_told(command, copy):
    (copy / "run.db").write_bytes(b"no database at all" * 1000)
    result = neatfool(command, copy)
    assert result.exit_code == 5
    assert "the database is damaged" in result.stderr
    assert "Traceback" not in result.output


# verify


def test_a_good_run_verifies(finished):
    result = neatfool("verify", finished)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [row[0] for row in rows(result.stdout)] == list(CLASSES)
    assert f"{len(CLASSES)} images scored from their files: 0 wrong" in result.stdout


def test_a_good_run_verifies_in_fresh_code(finished):
    process = neatfool_process("verify", finished, "--json")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    verdict = json.loads(output)
    assert (verdict["images"], verdict["wrong"]) == (len(CLASSES), 0)
    assert verdict["largest_difference"] <= 1e-4
    for entry, elite in zip(verdict["classes"], open_run(finished), strict=True):
        assert (entry["name"], entry["index"]) == (elite.name, elite.index)
        assert entry["recorded"] == elite.confidence
        assert entry["measured"] == pytest.approx(elite.confidence, abs=1e-4)


def changed(folder):
    """Invert the image of a class; give its file."""
    elite = open_run(folder)["bright"]
    elite.file.write_bytes(encode_png(255 - decode_png(elite.png)))
    return elite.file


def test_a_changed_image_does_not_verify(copy):
    changed(copy)
    result = neatfool("verify", copy)
    assert result.exit_code == 7
    assert [row[0] for row in rows(result.stdout)] == ["bright"]
    assert "1 wrong" in result.stdout
    assert f"error: {copy}: 1 of 4 images do not score what was recorded" in result.stderr
    assert "Traceback" not in result.output


def test_a_changed_image_is_told_as_json_too(copy):
    changed(copy)
    result = neatfool("verify", copy, "--json")
    assert result.exit_code == 7
    verdict = json.loads(result.stdout)
    assert verdict["wrong"] == 1
    entry = verdict["classes"][1]
    difference = abs(entry["recorded"] - entry["measured"])
    assert verdict["largest_difference"] == difference > 1e-4


def test_how_far_an_image_may_be_off_is_an_option(copy):
    changed(copy)
    assert neatfool("verify", copy, "--tolerance", "1").exit_code == 0
    assert neatfool("verify", copy, "--tolerance", "-1").exit_code == 2


@pytest.mark.parametrize("tolerance", ["nan", "1e999"])
def test_a_tolerance_that_is_no_number_is_refused(finished, tolerance):
    result = neatfool("verify", finished, "--tolerance", tolerance)
    assert result.exit_code == 2
    assert f"{tolerance} is not a finite number" in result.stderr


def test_a_missing_image_is_told(copy):
    file = open_run(copy)["bright"].file
    file.unlink()
    result = neatfool("verify", copy)
    assert result.exit_code == 7
    assert f"error: {file}: missing; `neatfool resume {copy}` writes" in result.stderr


def first_half(png):
    return png[: len(png) // 2]


def flipped(png):
    middle = png.index(b"IDAT") + 8
    return png[:middle] + bytes([png[middle] ^ 0xFF]) + png[middle + 1 :]


@pytest.mark.parametrize("damage", [first_half, flipped, lambda _: b"", lambda _: b"no PNG"])
def test_a_damaged_image_is_told(damage, copy):
    file = open_run(copy)["bright"].file
    file.write_bytes(damage(file.read_bytes()))
    result = neatfool("verify", copy)
    assert result.exit_code == 7, result.stderr
    assert f"error: {file}: not a readable PNG" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("shape", [(1, 6, 9), (1, 8, 6), (3, 6, 8)])
def test_an_image_of_the_wrong_size_is_told(shape, copy):
    file = open_run(copy)["bright"].file
    file.write_bytes(encode_png(np.zeros(shape, np.uint8)))
    result = neatfool("verify", copy)
    assert result.exit_code == 7
    assert f"error: {file}: is {shape} (channels, height, width), not (1, 6, 8)" in result.stderr


def test_an_image_of_more_bits_is_told(copy):
    elite = open_run(copy).elites[0]
    with Image.open(elite.file) as image:
        image.convert("L").convert("I;16").save(elite.file)
    result = neatfool("verify", copy)
    assert result.exit_code == 7
    assert "8 bits a channel" in result.output.replace("\n", " ")
