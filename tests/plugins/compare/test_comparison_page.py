"""The page of a comparison: its curves, maps and tables, and what a browser makes of them."""

import pytest
from devtools import measure
from made_up_runs import random_course, write_run
from pages import Parsed, texts

from neatfool.analysis import compare
from neatfool.measure.course import STATISTICS
from neatfool.present import draw_figure, key_of


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
        return compare(folder)

    return make


@pytest.fixture(scope="module")
def two(make_comparison):
    return make_comparison("old", "new")


def written(comparison, tmp_path):
    return Parsed(comparison.html(tmp_path / "c.html"))


def test_the_page_has_all_curves_maps_and_tables(two, tmp_path):
    page = written(two, tmp_path)
    assert len(page.of_class("curve")) == 2
    text = " ".join(page.text.split())
    for words in (
        "old · new",
        "After 120 images the median confidence is ",
        "Mann-Whitney U, two-sided",
        "A (n=4)",
        "classes ≥ 99.99 %",
        "[scheme] parents",
        "goal switches",
    ):
        assert words in text, words


def test_a_single_group_needs_no_test(make_comparison, tmp_path):
    page = written(make_comparison("only"), tmp_path)
    assert "Mann-Whitney" not in page.text
    assert len(page.of_class("curve")) == 2


# curves


@pytest.mark.parametrize("measure", ["median", "mean"])
def test_the_curves_end_with_each_groups_letter_and_value(two, measure):
    found = [text for text in texts(draw_figure(two.draw(measure))) if text]
    for place in range(2):
        median = two.at[-1].groups[place].measures[measure].median
        (end,) = [text for text in found if text.startswith(f"{key_of(place)}  ")]
        assert end == f"{key_of(place)}  {STATISTICS[measure].in_words(median)}"


@pytest.mark.parametrize("measure", list(STATISTICS)[3:])
def test_every_count_has_a_curve(two, measure):
    svg = draw_figure(two.draw(measure))
    assert b"nan" not in svg.lower()
    assert "images scored" in texts(svg)


def test_a_course_of_a_single_generation_is_marked(make_comparison):
    comparison = make_comparison("a", generations=1, seeds=1)
    assert b"<use" in draw_figure(comparison.draw("median"))


@pytest.mark.browser
def test_curves_are_drawn_without_an_error(browser, two, tmp_path):
    seen, console = measure(browser, two.html(), tmp_path)
    assert console == []
    kinds = [image["kind"] for image in seen["images"]]
    assert kinds == ["curve"] * 2
    assert [image for image in seen["images"] if not image["natural"]] == []
    assert min(image["width"] for image in seen["images"]) > 350


@pytest.mark.browser
def test_the_page_is_dark_for_who_wants_it_dark(browser, two, tmp_path):
    paper = "return { paper: getComputedStyle(document.body).backgroundColor }"
    seen, _ = measure(browser, two.html(), tmp_path, dark=True, more=paper)
    assert seen["paper"] == "rgb(17, 19, 23)"
