"""The command ``neatfool verify``."""

import json

import pytest
from commands import CLASSES, neatfool, neatfool_process, rows

from neatfool import decode_png, encode_png, open_run

pytestmark = pytest.mark.usefixtures("own_sys_path")


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
