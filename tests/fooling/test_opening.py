"""Targets that are loaded to score any images."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch
from commands import neatfool, write_experiment

from neatfool import RunError, decode_png, fool, open_run, open_scorer

pytestmark = pytest.mark.usefixtures("own_sys_path")


def test_the_scorer_of_a_run_or_a_file_scores_as_was_recorded(tmp_path):
    file = write_experiment(tmp_path)
    assert neatfool("run", file, "--out", tmp_path / "run", "--no-report").exit_code == 0
    with closing(open_run(tmp_path / "run")) as run:
        elites = run.elites
        images = torch.from_numpy(np.stack([decode_png(elite.png) for elite in elites]))
        for source in (run, file):
            with closing(open_scorer(source)) as scorer:
                assert scorer.metered is None
                probs = scorer.score(images).probs
                found = [float(probs[row, elite.index]) for row, elite in enumerate(elites)]
            assert found == pytest.approx([elite.confidence for elite in elites], abs=1e-6)


def test_a_target_from_python_is_not_there(tmp_path):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([1 - light, light], 1)

    run = fool(model, image=(1, 6, 8), classes=2, images=40, out=tmp_path / "p", progress=False)
    with pytest.raises(RunError, match="only Python has its target"):
        open_scorer(run)
