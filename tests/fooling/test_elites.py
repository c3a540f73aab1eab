"""Choosing elites of a run."""

import numpy as np
import pytest

from neatfool import ExperimentError, RunError, choose_elites, fool


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        scores = np.exp(-40 * (light[:, None] - np.linspace(0, 1, 5)) ** 2)
        return scores / scores.sum(1, keepdims=True)

    folder = tmp_path_factory.mktemp("choosing") / "run"
    names = ("a", "b", "c", "d", "e")
    return fool(model, image=(1, 6, 8), classes=names, images=60, out=folder, progress=False)


def names(elites):
    return [elite.name for elite in elites]


def test_all_are_chosen_or_those_of_some_classes(run):
    assert names(choose_elites(run)) == [*"abcde"]
    assert names(choose_elites(run, classes=["d", "0", "d"])) == ["d", "a"]
    with pytest.raises(ExperimentError, match="there is no class 'z'"):
        choose_elites(run, classes=["z"])


def test_those_that_are_not_sure_enough_are_left_out(run):
    least = sorted(elite.confidence for elite in run)[2]
    assert names(choose_elites(run, least=least)) == [e.name for e in run if e.confidence >= least]
    with pytest.raises(RunError, match="no elite has a confidence of 1 or more; the highest is"):
        choose_elites(run, least=1)


def test_a_sample_is_the_same_each_time_and_comes_from_the_seed(run):
    samples = {seed: tuple(names(choose_elites(run, sample=2, seed=seed))) for seed in range(6)}
    assert samples[3] == tuple(names(choose_elites(run, sample=2, seed=3)))
    assert {len(sample) for sample in samples.values()} == {2}
    assert len({*samples.values()}) > 1
    assert all(sample == tuple(sorted(sample)) for sample in samples.values())


def test_unlike_images_are_chosen_from_those_that_fit(run):
    chosen = choose_elites(run, classes=["e", "a", "c"], distinct=2)
    assert len(chosen) == 2
    assert set(names(chosen)) < {"a", "c", "e"}
    assert max(elite.rank for elite in chosen) == max(run[name].rank for name in "ace")
