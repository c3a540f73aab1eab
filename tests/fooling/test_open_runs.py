"""Scoring any images with the target of an experiment or of a run."""

from contextlib import closing

import numpy as np
import pytest
import torch
import toy_views
from commands import CLASSES, neatfool, write_experiment

from neatfool import (
    ExperimentError,
    RunError,
    decode_png,
    fool,
    load_experiment,
    open_run,
    open_scorer,
)
from neatfool.analysis import survive


@pytest.fixture
def experiment(tmp_path):
    return write_experiment(tmp_path)


@pytest.fixture
def costly(experiment):
    """Give an experiment whose target costs something to ask."""
    plugin = experiment.parent / "patches.py"
    text = plugin.read_text()
    meter = "def meter(self, ledger): self.ledger = ledger\n\n    def score("
    plugin.write_text(text.replace("def score(", meter))
    return experiment


def test_runs_experiments_and_files_all_score_as_the_run_recorded(experiment, tmp_path):
    assert neatfool("run", experiment, "--out", tmp_path / "run", "--no-report").exit_code == 0
    with closing(open_run(tmp_path / "run")) as run:
        images = torch.from_numpy(np.stack([decode_png(elite.png) for elite in run]))
        for source in (run, run.path, experiment, str(experiment), load_experiment(experiment)):
            with closing(open_scorer(source)) as scorer:
                probs = scorer.score(images).probs
                found = [probs[row, elite.index] for row, elite in enumerate(run)]
                assert found == [elite.confidence for elite in run]
                assert scorer.fingerprint == run.info["target"]["fingerprint"]
                assert scorer.name == run.info["target"]["name"]


def test_the_section_of_the_target_suffices(experiment):
    file = experiment.parent / "only.ini"
    file.write_text("[plugins]\npath = patches.py\n[target]\nplugin = patches\n")
    with open_scorer(file) as scorer:
        assert scorer.spec.classes == CLASSES
    assert load_experiment(file, to_search=False).name == "only"
    with pytest.raises(ExperimentError, match="say how long to run"):
        load_experiment(file)


def test_images_are_changed_as_views_say_only_if_that_is_asked_for(experiment, tmp_path):
    text = experiment.read_text().replace("patches.py", f"patches.py, {toy_views.__file__}")
    experiment.write_text(text + "\n[views]\nnumber = 2\ndarker = 80\n")
    assert neatfool("run", experiment, "--out", tmp_path / "run", "--no-report").exit_code == 0
    with closing(open_run(tmp_path / "run")) as run:
        images = torch.from_numpy(np.stack([decode_png(elite.png) for elite in run]))

        def confidences(source, **how):
            with closing(open_scorer(source, **how)) as scorer:
                probs = scorer.score(images).probs
            return [probs[row, elite.index] for row, elite in enumerate(run)]

        recorded = [elite.confidence for elite in run]
        for source in (run, experiment, load_experiment(experiment)):
            assert confidences(source, views=True) == recorded
            assert confidences(source) != recorded


def test_only_bytes_of_the_targets_size_are_scored(experiment):
    with closing(open_scorer(experiment)) as scorer:
        images = np.zeros((2, *scorer.spec.shape), np.uint8)
        assert len(scorer.score(images).probs) == 2
        for wrong in (images / 255, images[:, :, 1:], images[:0], images[0]):
            with pytest.raises(ExperimentError, match=r"scores images as uint8 \[N, "):
                scorer.score(wrong)


def test_a_budget_of_the_caller_s_replaces_the_experiment_s(costly):
    with closing(open_scorer(costly, max_queries=2)) as scorer:
        assert scorer.costs
        assert scorer.metered.ledger.queries_left == 2
    with pytest.raises(ExperimentError, match="max_queries"):
        open_scorer(costly, max_queries=0)


def test_a_target_that_only_python_has_is_opened_where_it_is_given(tmp_path):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([1 - light, light], 1)

    run = fool(model, image=(1, 6, 8), classes=2, images=40, out=tmp_path / "p", progress=False)
    folder = run.path
    for opened in (run, open_run(folder, model=model)):
        with closing(opened), closing(open_scorer(opened)) as scorer:
            pixels = torch.from_numpy(decode_png(opened["0"].png)[None].copy())
            assert scorer.score(pixels).probs[0, 0] == opened["0"].confidence
            assert len(survive(opened).runs) == 1
    with pytest.raises(RunError, match=r"only Python has its target.*open_run\(FOLDER, model="):
        open_scorer(folder)
