from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
from made_up_runs import random_course, write_run
from PIL import Image

from neatfool import StorageError, percent
from neatfool_plugins.compare.comparison import Comparison
from neatfool_plugins.compare.groups import gather
from neatfool_plugins.compare.keys import colour_of, key_of, stroke_of
from neatfool_plugins.compare.measures import MEASURES
from neatfool_plugins.compare.page import course, heat_map, heat_scale, write_comparison

EVIL = "<script>alert(1)</script>\"' onerror=alert(2)"


class Parsed(HTMLParser):
    """The start tags with their attributes, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def images(self, kind):
        return [attrs for tag, attrs in self.tags if tag == "img" and attrs.get("class") == kind]


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag[-4:] == "text"]


@pytest.fixture(scope="module")
def make_comparison(tmp_path_factory):
    def make(*names, classes=("cat", "dog", "cow"), seeds=4, generations=12, **more):
        folder = tmp_path_factory.mktemp("compared")
        for number, name in enumerate(names):
            for seed in range(1, seeds + 1):
                made = random_course(
                    len(classes), generations, seed=seed + 100 * number, pace=1 + number
                )
                options = {"parents": number}
                place = folder / f"{number}" / f"{seed}"
                write_run(
                    place, made, classes=classes, name=name, seed=seed, options=options, **more
                )
        return Comparison(gather([folder]))

    return make


@pytest.fixture(scope="module")
def two(make_comparison):
    return make_comparison("old", "new")


def written(comparison, tmp_path):
    return Parsed(write_comparison(comparison, tmp_path / "c.html").read_text(encoding="utf-8"))


def test_the_page_has_all_curves_maps_and_tables(two, tmp_path):
    page = written(two, tmp_path)
    assert len(page.images("curve")) == 9
    assert len(page.images("map")) == 2
    assert len(page.images("scale")) == 1
    text = " ".join(page.text.split())
    for words in (
        "old · new",
        "After 120 images the median confidence is ",
        "Mann-Whitney U, two-sided",
        "A (n = 4)",
        "classes ≥ 99.99 %",
        "All classes, the easiest first",
        "[scheme] parents",
        "Goal switches",
    ):
        assert words in text, words


def test_what_is_to_be_borne_in_mind_is_on_the_page(make_comparison, tmp_path):
    page = written(make_comparison("old", "new", seeds=3), tmp_path)
    assert "3 seeds against 3 cannot reach p < 0.05" in page.text
    assert "To bear in mind" in page.text


def test_of_many_classes_the_easiest_the_hardest_and_those_that_differ_are_listed(
    make_comparison, tmp_path
):
    names = [f"class {number}" for number in range(60)]
    page = written(make_comparison("old", "new", classes=names, seeds=2), tmp_path)
    for title in ("The easiest", "The hardest", "The most different"):
        assert title in page.text
    assert "All classes" not in page.text


def test_a_single_group_needs_no_test(make_comparison, tmp_path):
    page = written(make_comparison("only"), tmp_path)
    assert "Mann-Whitney" not in page.text
    assert len(page.images("map")) == 1


def test_groups_of_different_classes_have_a_map_each(tmp_path):
    write_run(tmp_path / "a" / "a-1", random_course(3, 5, seed=1), classes="abc", name="a")
    write_run(tmp_path / "b" / "b-1", random_course(2, 5, seed=1), classes="xy", name="b")
    page = written(Comparison(gather([tmp_path])), tmp_path)
    assert len(page.images("map")) == 2
    assert "The groups search different classes" in page.text
    assert "All classes" not in page.text


def test_names_cannot_bring_in_anything(make_comparison, tmp_path):
    page = written(make_comparison(EVIL, "new", classes=(EVIL, "dog")), tmp_path)
    assert EVIL in page.text
    assert not [attrs for _, attrs in page.tags if any(key.startswith("on") for key in attrs)]
    assert "script" not in {tag for tag, _ in page.tags}


def test_nothing_is_loaded_from_anywhere(two, tmp_path):
    html = write_comparison(two, tmp_path / "c.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []
    assert re.findall(r"url\((?!#)", unquote(html)) == []
    inside = [unquote(image["src"]) for image in Parsed(html).images("map")]
    assert all("data:image/png;base64," in svg for svg in inside)


def test_the_same_comparison_gives_the_same_page(two, tmp_path):
    one = write_comparison(two, tmp_path / "one.html").read_bytes()
    assert write_comparison(two, tmp_path / "two.html").read_bytes() == one


def test_a_page_that_cannot_be_written_is_an_error_that_names_the_file(two, tmp_path):
    with pytest.raises(StorageError, match=r"nowhere.*page\.html: cannot be written"):
        write_comparison(two, tmp_path / "nowhere" / "page.html")


# curves


@pytest.mark.parametrize("measure", ["median", "mean", "minimum"])
def test_the_curves_end_with_each_groups_letter_and_value(two, measure):
    found = [text for text in texts(course(two, measure)) if text]
    (snapshot,) = Comparison(two.groups, (120,)).snapshots
    for place in range(2):
        median = snapshot.quartiles(measure, place)[1]
        (end,) = [text for text in found if text.startswith(f"{key_of(place)}  ")]
        assert end == f"{key_of(place)}  {percent(median)}"


@pytest.mark.parametrize("measure", list(MEASURES)[3:])
def test_every_count_has_a_curve(two, measure):
    svg = course(two, measure)
    assert b"nan" not in svg.lower()
    assert "images scored" in texts(svg)


def test_every_run_has_a_thin_line_and_every_group_a_thick_one(two):
    svg = course(two, "median").decode()
    for place in range(2):
        lines = re.findall(rf"stroke: {colour_of(place)};[^\"]*", svg)
        widths = [float(re.search(r"stroke-width: ([\d.]+)", line)[1]) for line in lines]
        assert len(widths) == 5
        assert len([width for width in widths if width > 1.5]) == 1


def test_letters_colours_and_strokes_tell_many_groups_apart():
    assert [key_of(place) for place in (0, 25, 26)] == ["A", "Z", "A2"]
    looks = {(colour_of(place), str(stroke_of(place))) for place in range(16)}
    assert len(looks) == 16


def test_a_course_of_a_single_generation_is_marked(make_comparison):
    comparison = make_comparison("a", generations=1, seeds=1)
    assert b"<use" in course(comparison, "median")


# heat maps


def test_few_classes_are_named_and_many_are_counted():
    grid = np.arange(11) * 10
    few = texts(heat_map(np.full((3, 11), 0.5), grid, ["cat", "$dog$", "c" * 30]))
    assert {"cat", "$dog$", "c" * 19 + "…"} <= set(few)
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
