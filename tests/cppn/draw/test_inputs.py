from dataclasses import replace

import numpy as np
import pytest
import torch

from neatfool.cppn import Look
from neatfool.cppn.draw.lattice import BY_COLUMN, BY_ROW, lay_lattice
from neatfool.cppn.genome.genes import INPUTS


def rows(height, width, inputs="raw", size=None):
    lattice = lay_lattice(Look(height, width, inputs), size)
    found = lattice.tables(0, lattice.points, dtype=torch.float64)[0]
    return dict(zip(INPUTS.values(), found.numpy(), strict=True))


def test_raw_inputs_at_native_size_are_indices():
    inputs = rows(28, 30)
    y, x = np.divmod(np.arange(28 * 30), 30)
    assert inputs["x"].tolist() == x.tolist()
    assert inputs["y"].tolist() == y.tolist()
    assert set(inputs["1"]) == {1.0}


def test_normalised_inputs_reach_from_minus_one_to_one():
    inputs = rows(5, 3, "normalised")
    assert inputs["x"].tolist() == [-1.0, 0.0, 1.0] * 5
    assert inputs["y"].tolist() == np.repeat([-1.0, -0.5, 0.0, 0.5, 1.0], 3).tolist()


@pytest.mark.parametrize("kind", ["raw", "normalised"])
def test_the_distance_is_of_normalised_coordinates(kind):
    normalised, inputs = rows(9, 7, "normalised"), rows(9, 7, kind)
    assert inputs["d"].tolist() == pytest.approx(
        np.hypot(normalised["x"], normalised["y"]).tolist(), abs=1e-15
    )


def test_a_single_native_pixel_is_at_the_centre():
    inputs = rows(1, 1, "normalised", size=(3, 3))
    assert not inputs["x"].any()
    assert not inputs["d"].any()


@pytest.mark.parametrize(
    ("size", "box"),
    [((0, 5), None), (None, (0, 0, 6, 5)), (None, (3, 0, 3, 5)), (None, (-1, 0, 3, 5))],
)
def test_a_box_beyond_the_image_is_refused(size, box):
    with pytest.raises(ValueError, match="not a part of an image 5 wide and"):
        lay_lattice(Look(5, 5), size, box)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"height": 0}, "greater than 0"),
        ({"inputs": "norm"}, "'raw' or 'normalised'"),
        ({"band_limit": -1.0}, "greater than or equal to 0"),
        ({"band_limit": float("inf")}, "finite"),
    ],
)
def test_a_wrong_look_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Look(**{"height": 5, "width": 5, **wrong})


@pytest.mark.parametrize("kind", ["raw", "normalised"])
def test_inputs_that_are_the_same_in_all_rows_or_columns_are_known(kind):
    inputs = lay_lattice(Look(5, 7, kind)).tables(0, 35)[0].view(4, 5, 7)
    for number, values in enumerate(inputs):
        assert bool((values != values[:, :1]).any()) == bool(BY_COLUMN >> number & 1)
        assert bool((values != values[:1]).any()) == bool(BY_ROW >> number & 1)


@pytest.mark.parametrize("kind", ["raw", "normalised"])
def test_derivatives_are_what_inputs_change_by(kind):
    grid = lay_lattice(Look(9, 7, kind))
    tables = replace(grid, look=replace(grid.look, band_limit=2.0)).tables(0, 63, torch.float64)
    assert torch.equal(tables[0], grid.tables(0, 63, dtype=torch.float64)[0])
    for table, shift in ((tables[1], (1e-6, 0.0)), (tables[2], (0.0, 1e-6))):
        moved = replace(grid, x=grid.x + shift[0], y=grid.y + shift[1]).tables(
            0, 63, dtype=torch.float64
        )[0]
        away = [place for place in range(63) if place != 31]  # at the centre d has none
        change = 2.0 * (moved - tables[0]) / 1e-6
        torch.testing.assert_close(table[:, away], change[:, away], rtol=1e-4, atol=1e-4)
    assert tables.isfinite().all()
