import warnings

import numpy as np
import pytest

from neatfool.present import decimal_odds, draw_figure, label_confidences, new_axes
from neatfool.present.figure import mark_numbers


@pytest.mark.parametrize(
    ("low", "high"), [(0.15, 0.95), (0.02, 0.97), (0.5, 0.99), (0.001, 0.999), (0.97, 0.99999)]
)
def test_confidences_are_marked_in_even_steps(low, high):
    _, axes = new_axes(400, 300, right=10)
    label_confidences(axes, *decimal_odds([low, high]).tolist())
    marks = axes.get_yticks()
    assert marks[0] <= decimal_odds(low) < decimal_odds(high) <= marks[-1]
    steps = np.diff(marks)
    assert len(steps) >= 2
    assert steps.max() < 1.25 * steps.min()


@pytest.mark.parametrize("score", [0.0, 1.0, 123456.0, -0.001])
def test_a_constant_score_has_marks_with_different_names(score: float) -> None:
    _, axes = new_axes(400, 300, right=10)
    mark_numbers(axes, score, score)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len({*names}) == len(names) > 1


def test_letters_that_matplotlibs_typeface_lacks_are_written_without_a_warning() -> None:
    figure, axes = new_axes(400, 300, right=10)
    axes.set_title("日本語")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw_figure(figure)
    assert "日本語".encode() in svg or b"&#26085;" in svg
