"""How a picture repeats itself is found, and that it does not, too."""

import numpy as np
import pytest

from neatfool_plugins.ablate.repetition import Repetition, find_repetition, label_copies

ROWS, COLUMNS = np.mgrid[:60, :80]
NOISE = np.random.default_rng(1).normal(size=(3, 60, 80))


def tiled(rows, columns):
    """Repeat a patch of noise, with a little noise of its own on each copy."""
    patch = np.random.default_rng(2).uniform(0, 200, (3, rows, columns))
    whole = np.tile(patch, (1, -(-60 // rows), -(-80 // columns)))[:, :60, :80]
    return (whole + 10 * NOISE).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("rows", "columns"), [(15, 20), (9, 13), (20, 7)])
def test_the_period_of_a_wallpaper_is_found(rows, columns):
    found = find_repetition(tiled(rows, columns))
    assert {tuple(map(abs, step)) for step in found.steps} == {(rows, 0), (0, columns)}
    assert found.likeness > 0.9


def test_a_picture_that_repeats_itself_one_way_has_one_step():
    waves = 100 * (1 + np.sin(2 * np.pi * (ROWS + 2 * COLUMNS) / 20))
    image = np.broadcast_to(waves, (3, 60, 80)) + NOISE
    found = find_repetition(image)
    ((down, across),) = found.steps
    assert abs(down + 2 * across) == 20
    assert np.hypot(down, across) == pytest.approx(20 / 5**0.5, abs=0.6)


@pytest.mark.parametrize(
    "image",
    [NOISE, np.zeros((1, 60, 80), np.uint8), np.stack([ROWS + COLUMNS] * 3), NOISE[:1, :6, :8]],
    ids=["noise", "one colour", "a slope", "few pixels"],
)
def test_what_does_not_repeat_itself_has_no_period(image):
    assert find_repetition(image) is None


def test_copies_are_numbered_from_the_middle_and_are_as_wide_as_the_period():
    labels = label_copies((60, 80), Repetition(steps=((0, 20),), likeness=1.0))
    assert labels[30, 40] == 0
    assert (labels == 0).sum() == 60 * 20
    assert labels.max() >= 2
