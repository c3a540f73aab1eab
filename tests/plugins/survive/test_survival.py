"""``neatfool survive`` on real small runs: what it measures, prints, writes and refuses."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch
from commands import CLASSES, PLUGIN, neatfool, run_paid, run_small, write_target
from devtools import measure
from PIL import Image

from neatfool import RunError, analysis, decode_png, fool, open_run, open_scorer, views


def survive(*args):
    result = neatfool("survive", *args, "--json", exit_code=0)
    return json.loads(result.stdout)["runs"]


def confidences(scorer, images, elites):
    probs = scorer.score(images).probs
    return [float(probs[row, elite.index]) for row, elite in enumerate(elites)]


def test_all_kinds_are_told_by_strength(finished):
    (told,) = survive(finished)
    with closing(open_run(finished)) as run:
        recorded = [elite.confidence for elite in run]
        assert told["evaluations"] == run.evaluations
    assert told["elites"] == told["elites_of_run"] == len(CLASSES)
    assert told["own_target"] is True
    assert told["as_saved"]["median"] == pytest.approx(np.median(recorded))
    assert [kind["name"] for kind in told["kinds"]] == ["drawn", *sorted(views())]
    for kind in told["kinds"]:
        assert len(kind["points"]) == 4
        for point in kind["points"]:
            assert 0 <= point["kept"] <= 1
    assert [point["strength"] for point in told["kinds"][0]["points"]] == [4, 16, 32, 64]


def test_the_figures_are_those_of_the_changed_images(finished, tmp_path):
    (told,) = survive(finished, "--kinds", "jpeg=40,drawn=32")
    with closing(open_run(finished)) as run, closing(open_scorer(run)) as scorer:
        elites = run.elites
        for number, elite in enumerate(elites):
            Image.fromarray(decode_png(elite.png)[0]).save(tmp_path / f"{number}.jpg", quality=40)
        pictures = [Image.open(tmp_path / f"{number}.jpg") for number in range(len(elites))]
        opened = torch.from_numpy(np.stack([np.asarray(picture)[None] for picture in pictures]))
        large = np.stack([elite.pixels(32) for elite in elites]).astype(float)
        averaged = large.reshape(len(elites), 1, 6, 4, 8, 4).mean((3, 5)).round()
        drawn = torch.from_numpy(averaged.astype(np.uint8))
        expected = [np.median(confidences(scorer, each, elites)) for each in (opened, drawn)]
    medians = [kind["points"][0]["median"] for kind in told["kinds"]]
    assert medians == pytest.approx(expected, abs=1e-6)


def test_it_is_the_same_each_time_and_another_seed_is_another_draw(finished):
    first, again, other = (
        survive(finished, "--kinds", "move,noise=60", "--seed", seed)[0] for seed in (1, 1, 2)
    )
    assert first == again
    assert first["kinds"] != other["kinds"]


def test_the_table_can_be_read_without_colour(finished):
    result = neatfool("survive", finished, "--kinds", "turn,jpeg=75/50", exit_code=0)
    assert "\x1b" not in result.stdout
    first, second, *table = result.stdout.splitlines()
    assert first.startswith("1 of 2 changes leaves at least 90 % of the fooling images of small")
    said = (
        "As saved, all 4 images of small (seed 3) are classified as intended (top-1) by their own"
    )
    assert second.startswith(said)
    assert "one image is 25 %" in result.stdout
    for change in (r"turned \(±10 degrees\)", r"saved as JPEG \(quality 75\)"):
        assert re.search(rf"│ {change} +│ +\d+ % │ +[\d.]+ % │", "\n".join(table))


def test_each_image_is_in_the_csv(finished, tmp_path):
    file = tmp_path / "all.csv"
    survive(finished, "--kinds", "light,blur=1", "--csv", file)
    rows = [*csv.DictReader(io.StringIO(file.read_text()))]
    assert len(rows) == len(CLASSES) * (1 + 4 + 1)
    with closing(open_run(finished)) as run:
        recorded = {elite.name: elite.confidence for elite in run}
    saved = {row["class"]: float(row["confidence"]) for row in rows if row["kind"] == "saved"}
    assert saved == pytest.approx(recorded, abs=1e-6)
    assert {(row["kind"], row["strength"], row["unit"]) for row in rows} >= {
        ("light", "30.0", "%"),
        ("blur", "1.0", "pixels"),
    }


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--kinds", "jpg"], 2, "--kinds 'jpg': there is no such kind; did you mean 'jpeg'"),
        (["--kinds", "jpeg=x"], 2, "'jpeg=x': strengths are numbers from 1 to 100 .*: jpeg=90/75"),
        (["--kinds", "turn=181"], 2, "strengths are numbers from 0 to 180"),
        (["--kinds", "drawn=0"], 2, "strengths are numbers from 1 to"),
        (["--target", "nowhere.ini"], 2, "nowhere.ini"),
    ],
)
def test_what_is_wrong_is_told(finished, options, code, message):
    result = neatfool("survive", finished, *options, exit_code=code)
    assert re.search(message, result.stderr), result.stderr


def test_a_text_is_one_kind_and_no_runs_are_refused(finished):
    (of_run,) = analysis.survive(finished, kinds="jpeg=75").runs
    assert [kind.name for kind in of_run.kinds] == ["jpeg"]
    with pytest.raises(RunError, match="no run was named"):
        analysis.survive([])


def test_another_target_may_score(finished, tmp_path):
    """It takes colours, and images twice as large, and is less sure."""
    plugin = PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16")
    large = write_target(tmp_path, plugin, "gain = 1\nchannels = 3")
    own, other = (
        survive(finished, "--kinds", "jpeg", *options)[0] for options in ([], ["--target", large])
    )
    assert other["own_target"] is False
    assert other["as_saved"]["median"] < own["as_saved"]["median"]
    assert other["as_saved"]["top1"] >= 0.5  # the edges are not as sharp there


def test_a_target_with_other_classes_is_refused(finished, tmp_path):
    other = write_target(tmp_path, PLUGIN.replace("'school bus'", "'yellow bus'"))
    result = neatfool("survive", finished, "--target", other, exit_code=2)
    assert "does not know 1 of 4 classes, for example 'school bus'" in result.stderr
    assert neatfool("survive", finished, "--target", other, "--classes", "dark").exit_code == 0


def test_a_target_that_costs_something_is_asked_within_the_budget_only(tmp_path):
    run, asked = run_paid(tmp_path), tmp_path / "asked"
    spent = queries_of(run)
    asked.unlink()
    for options in ([], ["--max-queries", "19"]):
        result = neatfool("survive", run, "--kinds", "jpeg", *options, exit_code=8)
        assert "this takes up to 20 queries of a target that costs something" in result.stderr
        assert "nothing was asked. Allow them with --max-queries 20" in result.stderr
        assert not asked.exists()
    result = neatfool("survive", run, "--kinds", "jpeg", "--max-queries", "20", exit_code=0)
    assert "this takes up to 20 queries" in result.stderr
    assert 0 < len(asked.read_text()) <= 20
    assert queries_of(run) == spent  # the run's own budget is another


def queries_of(run):
    with closing(sqlite3.connect(run / "run.db")) as database:
        return database.execute("SELECT sum(images) FROM request").fetchone()[0]


def test_the_report_shows_what_survived(tmp_path):
    run = run_small(tmp_path)
    neatfool("survive", run, "--report", exit_code=0)
    told = json.loads((run / "survival.json").read_text())
    assert len(told["usual"]) == 1 + len(views())
    assert neatfool("export", run, tmp_path / "data").exit_code == 0
    with (tmp_path / "data" / "metadata.csv").open() as rows:
        assert all(0 <= float(row["survival"]) <= 1 for row in csv.DictReader(rows))
    page = (run / "report.html").read_text()
    assert "What survives" in page
    for words in ("drawn at four times the size", "saved as JPEG (quality 75)", "moved (3 pixels)"):
        assert words in page
        assert words in {name for name, *_ in told["bars"]}
    assert "were replaced" not in page
    assert neatfool("resume", run, "--generations", 12).exit_code == 0
    with closing(open_run(run)) as resumed:
        now = {elite.name: elite.candidate_id for elite in resumed}
    count = sum(now[name] != image["genome"] for name, image in told["images"].items())
    assert count > 0
    assert f"{count} of these 4 elites were replaced" in (run / "report.html").read_text()


def test_a_run_that_only_python_can_score_needs_a_target(tmp_path):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([1 - light, light], 1)

    fool(model, image=(1, 6, 8), classes=2, images=40, out=tmp_path / "p", progress=False)
    result = neatfool("survive", tmp_path / "p", exit_code=5)
    assert "only Python has its target" in result.stderr


@pytest.fixture(scope="module")
def pages(two_runs, tmp_path_factory):
    """Write the page of a run, and of two."""
    folder = tmp_path_factory.mktemp("pages")
    for place, page, options in (
        (two_runs / "small-1", "one", []),
        (two_runs, "two", ["--kinds", "light,crops=11"]),
    ):
        result = neatfool(
            "survive", place, "--html", folder / f"{page}.html", *options, exit_code=0
        )
        assert f"Look at {folder / page}.html" in result.stdout
    return folder


def test_each_kind_has_a_chart_and_a_strip_of_pictures(pages):
    page = (pages / "one.html").read_text()
    kinds = 1 + len(views())
    assert page.count('class="curve"') == kinds
    assert page.count('class="strip"') == 2 * kinds
    assert page.count('<img class="pixels"') == 2 * kinds * 5
    assert "http://" not in re.sub(r'src="[^"]*"', "", page)
    assert "nan" not in re.sub(r'src="[^"]*"', "", page)
    assert "[red]left[/]" in page or CLASSES[2] not in page
    assert "Saved as JPEG" in page
    assert "\\xa0" not in page


def test_two_runs_are_told_apart_by_letters(pages):
    page = (pages / "two.html").read_text()
    assert "small (seed 1)" in page
    assert "small (seed 2)" in page
    assert page.count('class="strip"') == 2 * 2


@pytest.mark.browser
@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("width", [500, 1900])
def test_a_browser_draws_it_within_the_window(browser, pages, name, width, tmp_path):
    page = (pages / f"{name}.html").read_text()
    seen, console = measure(browser, page, tmp_path, width=width)
    assert console == []
    assert [image for image in seen["images"] if not image["natural"]] == []
    assert seen["page"] <= seen["window"] == width
