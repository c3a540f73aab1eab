"""Lines over images scored."""

import numpy as np
import pytest
from pages import texts

from neatfool.figure import draw_figure
from neatfool.present.charts import LOOKS, StepCurve, key_of, steps


def test_letters_colours_and_strokes_tell_many_groups_apart():
    assert [key_of(place) for place in (0, 25, 26)] == ["A", "Z", "A2"]
    assert len({*LOOKS}) >= 16
    assert len({colour for colour, _ in LOOKS[:6]}) == 6
    assert len({str(stroke) for _, stroke in LOOKS[:6]}) == 6


@pytest.mark.parametrize(
    ("scale", "marks"),
    [("confidences", {"50 %", "90 %"}), ("counts", {"0", "1"})],
)
def test_a_scale_is_labelled_in_its_own_way(scale, marks):
    x = np.array([0, 10, 20])
    drawn = draw_figure(steps([StepCurve(x, np.array([0.5, 0.8, 0.9]), "end", 0)], scale, [0, 20]))
    assert marks | {"end", "images scored"} <= {*texts(drawn)}
