"""Courses and heat maps over images scored."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from neatfool.present.charts.figure import draw_figure
from neatfool.present.charts.lines import (
    StepCurve,
    colour_of,
    heat_map,
    heat_scale,
    key_of,
    steps,
    stroke_of,
)


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag[-4:] == "text"]


def test_letters_colours_and_strokes_tell_many_groups_apart():
    assert [key_of(place) for place in (0, 25, 26)] == ["A", "Z", "A2"]
    looks = {(colour_of(place), str(stroke_of(place))) for place in range(16)}
    assert len(looks) == 16
    assert len({colour_of(place) for place in range(6)}) == 6
    assert len({str(stroke_of(place)) for place in range(6)}) == 6


@pytest.mark.parametrize(
    ("scale", "marks"),
    [("confidences", {"50 %", "90 %"}), ("counts", {"0", "1"})],
)
def test_a_scale_is_labelled_in_its_own_way(scale, marks):
    x = np.array([0, 10, 20])
    drawn = draw_figure(steps([StepCurve(x, np.array([0.5, 0.8, 0.9]), "end", 0)], scale, [0, 20]))
    assert marks | {"end", "images scored"} <= {*texts(drawn)}


# heat maps


def test_few_classes_are_named_and_many_are_counted():
    grid = np.arange(11) * 10
    few = texts(heat_map(np.full((3, 11), 0.5), grid, ["cat", "$dog$", "c" * 30]))
    assert {"cat", "$dog$", "c" * 23 + "…"} <= set(few)
    many = texts(heat_map(np.full((1000, 11), 0.5), grid, [f"n{i}" for i in range(1000)]))
    assert {"1", "200", "1,000"} <= set(many)
    assert not [text for text in many if text and text.startswith("n")]


def raster_of(svg):
    (uri,) = re.findall(r"data:image/png;base64,\s*([^\"]*)", svg.decode())
    with Image.open(io.BytesIO(b64decode(uri))) as image:
        return np.asarray(image)[::-1].astype(int)


def test_a_colour_is_a_confidence_and_nothing_known_is_no_colour():
    from matplotlib import colormaps

    confidences = np.array([[0.0001, 0.5, 0.99999, 0.7], [0.5, np.nan, np.nan, 0.7]])
    raster = raster_of(heat_map(confidences, np.arange(4) * 10, ["cat", "dog"]))
    height, width = raster.shape[:2]
    top, bottom = raster[height // 4], raster[3 * height // 4]
    low, high = (list(colormaps["viridis"](end, bytes=True)) for end in (0.0, 1.0))
    assert top[width // 6].tolist() == low
    assert top[5 * width // 6].tolist() == high
    assert top[width // 2].tolist() == bottom[width // 6].tolist()
    assert bottom[[width // 2, 5 * width // 6], 3].tolist() == [0, 0]


def test_a_thousand_classes_become_as_many_rows_as_can_be_seen():
    confidences = np.linspace(0.999, 0.001, 5000)[:, None].repeat(201, 1)
    raster = raster_of(heat_map(confidences, np.arange(201), [f"n{i}" for i in range(5000)]))
    assert 700 < raster.shape[0] < 1500
    # From the easy to the hard the colours go from light to dark.
    light = raster[5:-5, 5, :3].sum(1)
    assert (np.diff(light) <= 3).all()
    assert light[0] > light[-1] + 150


def test_the_scale_names_the_confidences():
    assert {"0.1 %", "50 %", "99.99 %"} <= set(texts(heat_scale()))
