from __future__ import annotations

import warnings

from neatfool.present import draw_figure, new_axes


def test_letters_that_matplotlibs_typeface_lacks_are_written_without_a_warning() -> None:
    figure, axes = new_axes(400, 300, right=10)
    axes.set_title("日本語")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw_figure(figure)
    assert "日本語".encode() in svg or b"&#26085;" in svg
