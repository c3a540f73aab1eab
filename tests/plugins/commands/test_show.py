"""The command ``neatfool show``."""

import json
import shutil
import sqlite3
import statistics
from contextlib import closing

import numpy as np
import pytest
from commands import CLASSES, neatfool, neatfool_process, rows

from neatfool import decode_png, encode_png, open_run
from neatfool.wording import percent


def test_a_run_is_shown(finished):
    result = neatfool("show", finished, exit_code=0)
    first, confidences, *_ = result.stdout.splitlines()
    assert first.startswith("small, seed 3: 8 generations, 160 images, ")
    recorded = [elite.confidence for elite in open_run(finished)]
    assert f"median {percent(statistics.median(recorded))}, " in confidences
    assert f"min {percent(min(recorded))}; " in confidences
    assert f"classes >= 99 %: {sum(value >= 0.99 for value in recorded)}, " in confidences


def test_one_image_is_not_several(experiment, tmp_path):
    options = ("--set", "scheme.batch=1", "--generations", 1, "--no-report")
    assert neatfool("run", experiment, "--out", tmp_path / "run", *options).exit_code == 0
    assert "1 generation, 1 image, " in neatfool("show", tmp_path / "run").stdout


def test_each_class_is_shown_with_its_name_as_it_is(finished):
    shown = rows(neatfool("show", finished).stdout)
    assert [row[0] for row in shown] == list(CLASSES)
    assert shown == [
        [
            elite.name,
            percent(elite.confidence),
            f"{elite.rank:.1f}",
            str(elite.generation),
            str(elite.size.nodes),
            str(elite.size.connections),
            f"images/{elite.file.name}",
        ]
        for elite in open_run(finished)
    ]


def test_it_says_how_many_images_have_their_class_in_first_place(finished):
    first = [elite.top[0][0] == elite.name for elite in open_run(finished)]
    said = f"most likely class (top-1): {sum(first)} of {len(CLASSES)} images"
    assert said in neatfool("show", finished).stdout


def test_a_run_that_recorded_no_other_classes_does_not_say_how_many_are_first(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute("UPDATE image SET top = NULL")
    assert {elite.top1 for elite in open_run(copy)} == {None}
    assert "top-1" not in neatfool("show", copy).stdout


def test_many_classes_are_shown_on_request(finished, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.commands.records.ROWS", 3)
    short = neatfool("show", finished).stdout
    assert [row[0] for row in rows(short)] == list(CLASSES[:3])
    assert short.endswith("… and 1 more; --all shows them\n")
    assert len(rows(neatfool("show", finished, "--all").stdout)) == len(CLASSES)


def test_a_run_is_shown_as_json(finished):
    result = neatfool("show", finished, "--json", exit_code=0)
    shown = json.loads(result.stdout)
    assert list(shown) == [
        "name", "seed", "generation", "evaluations", "evaluations_per_s", "median", "mean",
        "min", "filled", "niches", "classes_ge_0.99", "classes_ge_0.9999", "nothing", "rejected",
        "above_threshold", "statistics", "classes",
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


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [("show", 0, "nothing is recorded yet"), ("ancestry", 5, "the run has no elites yet")],
)
def test_a_run_that_has_recorded_nothing_is_said_to_have_nothing(
    command, code, said, finished, tmp_path
):
    copy = shutil.copytree(finished, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute("DELETE FROM elite")
    result = neatfool(command, copy, exit_code=code)
    assert said in result.output


def test_a_good_run_verifies(finished):
    result = neatfool("verify", finished)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [row[0] for row in rows(result.stdout)] == list(CLASSES)
    assert f"{len(CLASSES)} images scored from their files: 0 wrong" in result.stdout


def changed(folder):
    """Invert the image of a class; give its file."""
    elite = open_run(folder)["bright"]
    elite.file.write_bytes(encode_png(255 - decode_png(elite.png)))
    return elite.file


def test_a_changed_image_does_not_verify(copy):
    changed(copy)
    result = neatfool("verify", copy, exit_code=7)
    assert [row[0] for row in rows(result.stdout)] == ["bright"]
    assert "1 wrong" in result.stdout
    assert f"error: {copy}: 1 of 4 images do not score what was recorded" in result.stderr
    assert "Traceback" not in result.output


def test_a_changed_image_is_told_as_json_too(copy):
    changed(copy)
    result = neatfool("verify", copy, "--json", exit_code=7)
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
    result = neatfool("verify", finished, "--tolerance", tolerance, exit_code=2)
    assert f"{tolerance} is not a finite number" in result.stderr


def test_an_image_that_cannot_be_read_is_told(copy):
    file = open_run(copy)["bright"].file
    file.write_bytes(b"")
    result = neatfool("verify", copy, exit_code=7)
    assert f"error: {file}: not a readable PNG" in result.stderr
    assert "Traceback" not in result.output


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
