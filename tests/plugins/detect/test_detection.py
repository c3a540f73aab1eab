"""``neatfool detect``: what it measures, prints, writes and refuses."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import neatfool, run_small
from devtools import measure
from PIL import Image
from sklearn.metrics import roc_auc_score

from neatfool import ExperimentError, make_target
from neatfool.ood import ask_detectors, detector_names
from neatfool.ood.in_distribution import divide, in_distribution
from neatfool.testing import ToyTarget
from neatfool_plugins.detect.measure import DetectorResult, InDistributionFacts, RunDetection

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Make a small run on MNIST, and one against a guard."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("mnist", "mnist_guarded"):
        short = "--set", "experiment.generations=6", "--no-report"
        neatfool("run", EXPERIMENTS / f"{name}.ini", "--out", folder / name, *short, exit_code=0)
    return folder


@pytest.fixture(scope="module")
def told(runs):
    """Let all detectors look at both; give the JSON, the rows of the CSV, and the page."""
    files = "--csv", runs / "scores.csv", "--html", runs / "page.html"
    result = neatfool(
        "detect", runs / "mnist", runs / "mnist_guarded", "--json", *files, exit_code=0
    )
    rows = [*csv.DictReader(io.StringIO((runs / "scores.csv").read_text()))]
    return json.loads(result.stdout)["runs"], rows, (runs / "page.html").read_text()


def test_each_detector_has_its_rates(told):
    (plain, guarded), rows, _ = told
    assert [each["name"] for each in plain["detectors"]] == [
        name for name in detector_names() if name != "mahalanobis"
    ]
    assert "cannot be fitted to 150 images" in plain["left_out"]["mahalanobis"]
    assert plain["in_distribution"]["held_out"] == 150
    assert (plain["guarded"], guarded["guarded"] is None) == (None, False)
    for run, place in ((plain, 0), (guarded, 1)):
        for each in run["detectors"]:
            mine = [row for row in rows if row["run"] == run["path"]]
            mine = [row for row in mine if row["detector"] == each["name"]]
            assert len(mine) == run["elites"] == 10
            for at, column in zip(each["at"], ("passes_95", "passes_99"), strict=False):
                passed = [float(row["score"]) <= at["threshold"] for row in mine]
                assert [int(row[column]) for row in mine] == passed
                assert at["passing"] == pytest.approx(np.mean(passed))
                assert at["caught"] == 10 - sum(passed)
        assert place in (0, 1)


def test_the_rates_are_those_of_other_libraries():
    draw = np.random.default_rng(0)
    known, fooling = draw.normal(0, 1, 400), draw.normal(1, 2, 90).round(1)
    found = DetectorResult.of("msp", "", known, fooling)
    labels = np.repeat([0, 1], [400, 90])
    assert found.auroc == pytest.approx(roc_auc_score(labels, np.concatenate([known, fooling])))
    at = found.at[0]
    assert 0.95 <= (known <= at.threshold).mean() < 0.953
    assert at.passing == pytest.approx((fooling <= at.threshold).mean())


def test_a_table_says_how_many_pass(runs):
    result = neatfool(
        "detect", runs / "mnist", "--detectors", "msp,knn", "--sample", "4", exit_code=0
    )
    assert re.search(r"knn +│ +\d of 4 \(\d+ %\) │ .* │ +[01]\.\d{3} │", result.output)
    assert "4 fooling images" in result.output
    assert "150 others fit the detectors" in result.output
    assert "energy" not in result.output


def test_five_in_distribution_images_carry_no_conclusion(runs, tmp_path):
    for number in range(5):
        pixels = np.random.default_rng(number).integers(256, size=(28, 28), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    page = tmp_path / "page.html"
    few = neatfool(
        "detect", runs / "mnist", "--in-distribution", tmp_path, "--html", page, exit_code=0
    )
    first = few.stdout.splitlines()[0]
    assert first.startswith("5 in-distribution images are too few to judge a detector.")
    assert "The best detector" not in few.stdout + page.read_text()


def test_the_page_says_what_guarded_a_run_and_needs_no_network(told):
    _, _, page = told
    assert "evolved against the detector" in page
    assert "http://" not in page
    assert "nan" not in page


@pytest.mark.browser
@pytest.mark.parametrize("width", [500, 1900])
def test_a_browser_draws_it_within_the_window(browser, told, width, tmp_path):
    seen, console = measure(browser, told[2], tmp_path, width=width)
    assert console == []
    assert seen["page"] <= seen["window"] == width


def test_detectors_can_be_asked_about_any_images():
    target = make_target(EXPERIMENTS / "mnist.ini")
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(256, (20, 1, 28, 28), dtype=torch.uint8, generator=draw)
    names = ("energy", "pytorch-ood:KLMatching", "vim")
    scores = ask_detectors(target, images, in_distribution(target), names).scores
    assert tuple(scores) == names
    # Noise is easily told from digits.
    assert max(DetectorResult.of(name, *scores[name]).auroc for name in names) > 0.95


def test_detectors_that_do_not_work_here_are_left_out():
    images = torch.randint(256, (60, 1, 4, 4), dtype=torch.uint8)
    images28 = torch.randint(256, (5, 1, 28, 28), dtype=torch.uint8)
    found = ask_detectors(ToyTarget(), images[:9].numpy(), divide(images, "noise"))
    assert {*found.scores} == {*detector_names()} - {"knn", "mahalanobis", "vim"}
    assert "PyTorch" in found.left_out["knn"]
    few = ask_detectors(make_target(EXPERIMENTS / "mnist.ini"), images28, divide(images28, "few"))
    assert {*few.left_out} == {"knn", "mahalanobis", "vim"}  # they would know what they are shown
    with pytest.raises(ExperimentError, match="no detector works here"):
        ask_detectors(ToyTarget(), images.numpy(), divide(images, "noise"), ("knn",))


def test_without_pytorch_ood_the_formulas_of_logits_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_ood", None)
    images = torch.randint(256, (60, 1, 4, 4), dtype=torch.uint8)
    found = ask_detectors(ToyTarget(), images[:9].numpy(), divide(images, "noise"))
    assert {*found.scores} >= {"msp", "max_logit", "energy", "entropy", "gen"}
    assert {*found.left_out} == {"knn", "mahalanobis", "vim"}
    assert "pip install 'neatfool[ood]'" in found.left_out["vim"]


def test_a_target_without_in_distribution_images_is_refused(tmp_path):
    result = neatfool("detect", run_small(tmp_path), exit_code=2)
    assert "--in-distribution FOLDER" in result.output


def test_a_wrong_detector_is_refused(runs):
    result = neatfool("detect", runs / "mnist", "--detectors", "enrgy", exit_code=2)
    assert "did you mean 'energy'" in result.output


def test_the_best_detector_is_the_one_that_catches_the_most():
    known = np.arange(100.0)
    steady = DetectorResult.of("a", "", known, np.full(4, 95.0))
    b = DetectorResult.of("b", "", known, np.array([-1.0, -1.0, 200.0, 200.0]))
    facts = {"fitted": 0, "text": ""}
    known_images = InDistributionFacts(**facts, held_out=100)
    run = RunDetection.model_construct(
        name="run", seed=1, elites=4, in_distribution=known_images, detectors=(steady, b)
    )
    assert "The best detector, b, rejects 2 of 4 fooling images of" in run.headline()
