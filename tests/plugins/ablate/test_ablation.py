"""``neatfool ablate`` on real small runs: what it measures, prints, writes and refuses."""

import csv
import json
import re
import shutil
from contextlib import closing

import jsonschema
import pytest
from commands import CLASSES, PLUGIN, neatfool, run_paid, run_small, write_target

from neatfool import analysis, open_run
from neatfool_plugins.ablate.finding import Ablation

CORNER = PLUGIN.replace(
    "        whole, left =",
    "        light = np.broadcast_to(light[:, :1, :1], light.shape)\n        whole, left =",
)


def ablate(*args):
    result = neatfool("ablate", *args, "--json", exit_code=0)
    return json.loads(result.stdout)


def test_each_part_of_each_elite_is_told(finished):
    told = ablate(finished, "--tiles", 3)
    jsonschema.validate(told, Ablation.model_json_schema(mode="serialization"))
    assert told["tiles"] == 3
    assert [each["name"] for each in told["elites"]] == [*CLASSES]
    with closing(open_run(finished)) as run:
        for each, elite in zip(told["elites"], run, strict=True):
            assert each["recorded"] == elite.confidence
            assert each["saved"]["confidence"] == pytest.approx(elite.confidence, abs=1e-6)
            assert [len(row) for row in each["tiles"]] == [3, 3, 3]
            for part in each["tiles"][0]:
                lost = 1 - part["confidence"] / each["saved"]["confidence"]
                assert part["lost"] == pytest.approx(lost)
    assert told["medians"]["kept without a tile"] <= 1


def test_a_target_that_looks_at_a_corner_needs_just_that(tmp_path):
    elites = ablate(run_small(tmp_path, plugin=CORNER), "--tiles", 2)["elites"]
    for elite in elites:
        (_, right), below = elite["tiles"]
        assert {part["log_odds"] for part in [right, *below]} == {elite["saved"]["log_odds"]}
    drops = [each["saved"]["log_odds"] - each["tiles"][0][0]["log_odds"] for each in elites]
    assert max(drops) > 1


def test_the_table_can_be_read_without_colour(finished):
    result = neatfool("ablate", finished, "--tiles", 2, exit_code=0)
    assert "\x1b" not in result.stdout
    assert (
        "small (seed 3) after 160 images: all 4 elites, scored by its own target" in result.stdout
    )
    assert re.search(r"│ \[red\]left\S* +│ +[\d.]+ % │ +\d+ % │", result.stdout)
    assert result.stdout.startswith("Without the most important of its 4 tiles, the median image")
    assert "Note: With only 4 images, a median is rough." in result.stdout


def test_figures_are_written(finished, tmp_path):
    ablate(finished, "--tiles", 2, "--csv", tmp_path / "all.csv")
    rows = [*csv.DictReader((tmp_path / "all.csv").open())]
    assert {"saved", "tile"} <= {row["kind"] for row in rows}
    assert sum(row["kind"] == "tile" for row in rows) == 4 * len(CLASSES)


def test_the_page_shows_images_and_maps(finished, tmp_path):
    neatfool("ablate", finished, "--tiles", 2, "--html", tmp_path / "page.html", exit_code=0)
    page = (tmp_path / "page.html").read_text()
    assert page.count("without a tile</span>") == len(CLASSES)
    assert "nan" not in re.sub(r'src="[^"]*"', "", page)
    assert "http://" not in re.sub(r'src="[^"]*"', "", page)


def test_the_map_of_a_large_image_fits_the_page(finished, tmp_path):
    """Noise is too large for a PNG in a page."""
    settings = ("encoding.plugin=direct", "experiment.generations=1")
    run = run_small(
        tmp_path, *settings, plugin=PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(256, 192")
    )
    neatfool(
        "ablate", run, "--classes", "dark", "--tiles", 3, "--html", tmp_path / "page", exit_code=0
    )
    assert (tmp_path / "page").stat().st_size < 400_000


def test_another_target_may_score(finished, tmp_path):
    large = write_target(tmp_path, PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16"))
    told = ablate(finished, "--tiles", 2, "--target", large)
    assert told["own_target"] is False
    assert told["elites"][1]["saved"]["confidence"] > 0.5


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--tiles", "7"], 2, r"--tiles 7: the run's images have 8 x 6 pixels"),
        (["--classes", "scool bus"], 2, "there is no class 'scool bus'; did you mean"),
        (["--target", "nowhere.ini"], 2, r"nowhere.ini"),
    ],
)
def test_what_is_wrong_is_told(finished, options, code, message):
    result = neatfool("ablate", finished, *options, exit_code=code)
    assert re.search(message, result.stderr), result.stderr


def test_a_folder_of_several_runs_is_refused(finished, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(finished, tmp_path / name)
    result = neatfool("ablate", tmp_path, exit_code=2)
    assert "holds 2 runs; name one of them" in result.stderr


def test_a_target_that_costs_something_is_asked_within_the_budget_only(tmp_path):
    run = run_paid(tmp_path)
    result = neatfool("ablate", run, "--tiles", "2", exit_code=8)
    (most,) = re.findall(r"Allow them with --max-queries (\d+)", result.stderr)
    neatfool("ablate", run, "--tiles", "2", "--max-queries", most, exit_code=0)


def test_python_gets_what_the_command_prints(finished):
    with closing(open_run(finished)) as run:
        found = analysis.ablate(run, tiles=3, classes=["bright", "dark"])
        assert [item.name for item in analysis.ablate(run, tiles=2, classes="dark").elites] == [
            "dark"
        ]
        assert run.elites  # it is still open
    assert json.loads(found.json()) == ablate(finished, "--tiles", 3, "--classes", "bright,dark")
    assert "<iframe" in found._repr_html_()
