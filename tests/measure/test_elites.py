"""Choosing elites of a run."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from neatfool import ExperimentError, RunError, choose_elites, distinct_elites, fool
from neatfool.measure.likeness import image_features, join_spaces


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


Y, X = np.mgrid[:48, :48]
RED, BLUE, GREEN = (230, 40, 30), (20, 60, 220), (30, 200, 80)


def elite(pattern, colour, rank=0.0):
    """An elite that shows a pattern from 0 to 1, in a colour."""
    pixels = (pattern[..., None] * np.array(colour)).astype(np.uint8)
    return SimpleNamespace(rank=rank, image=lambda: Image.fromarray(pixels))


def stripes(period, turn=0.0, shift=0.0):
    along = np.cos(turn) * X + np.sin(turn) * Y
    return (1 + np.sin(2 * np.pi * (along + shift) / period)) / 2


def nearest(shown):
    rows = join_spaces(image_features(shown))
    alike = rows @ rows.T
    np.fill_diagonal(alike, -1)
    return alike.argmax(1).tolist()


def test_an_image_of_each_kind_is_chosen_before_a_second_of_one():
    kinds = [(stripes(6), RED), (stripes(12, 1.5), BLUE), (np.hypot(X, Y) / 70, GREEN)]
    shown = [
        elite(np.clip(pattern + shade, 0, 1), colour, rank=shade)
        for shade in (0.0, 0.03, 0.06)
        for pattern, colour in kinds
    ]
    shown[4].rank = 9.0
    chosen = [shown.index(each) for each in distinct_elites(shown, 3)]
    assert sorted(place % 3 for place in chosen) == [0, 1, 2]
    assert 4 in chosen  # the surest
    assert chosen == sorted(chosen)


def test_the_same_image_is_chosen_once_however_many_are_wanted():
    shown = [elite(stripes(6), RED), elite(stripes(6), RED), elite(stripes(9), BLUE)]
    assert len(distinct_elites(shown, 3)) == 2
    assert len(distinct_elites(shown[:2], 2)) == 1
    assert distinct_elites(shown, 1) == [shown[0]]


def test_stripes_that_moved_are_nearer_than_stripes_across():
    shown = [elite(stripes(8), RED), elite(stripes(8, shift=4), RED), elite(stripes(8, 1.57), RED)]
    assert nearest(shown)[:2] == [1, 0]


def test_the_same_colours_are_alike_wherever_they_are():
    halves = np.where(X[..., None] < 24, RED, BLUE)
    shown = [elite(np.ones_like(X), each) for each in (halves, halves[:, ::-1], GREEN)]
    features = image_features(shown)
    assert features["colour"][0] @ features["colour"][1] > 0.99
    assert features["layout"][0] @ features["layout"][1] < 0
