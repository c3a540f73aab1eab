import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
from pages import texts

from neatfool.figure import compact
from neatfool.wording import percent
from neatfool_plugins.report import page


@pytest.fixture
def history(make_run):
    return make_run(generations=40).history


draw_confidences = partial(page.draw_confidences, wide=True)


def run_of(history, *told):
    """Make up a run of two classes, of its history and replacements."""
    places = {"classes": ("a", "b"), "searched": (0, 1), "evaluations": history[-1].evaluations}
    return SimpleNamespace(history=history, replacements=[*told], **places)


def ends_of(svg):
    """Find how high each line ends: its label, and the place of that."""
    found = {e.text or "": float(e.get("y", 0)) for e in ET.fromstring(svg).iterfind(".//{*}text")}
    return {text.split()[0]: y for text, y in found.items() if text[:2] in ("me", "mi")}


def test_confidences_are_on_an_axis_that_tells_near_certainties_apart(history):
    last = replace(history[2], median=0.999912, minimum=0.4)
    sure = (0, 0, 0.01), (1, 1, 0.4), (2, 0, 0.99997), (2, 1, 0.99996)
    told = [(*each, each[2]) for each in sure]
    found = texts(draw_confidences(run_of([*history[:2], last], *told)))
    assert {"1 %", "10 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"} <= set(found)
    assert {f"median  {percent(0.999912)}", f"minimum  {percent(0.4)}"} <= set(found)


def test_elites_whose_confidence_is_rounded_to_one_are_told_apart_by_their_log_odds(history):
    told = (0, 0, 0.5, 0.0), (0, 1, 0.5, 0.0), (1, 0, 1.0, 24.0), (1, 1, 1.0, 17.0)
    svg = draw_confidences(run_of(history[:3], *told))
    assert {"50 %", "99.9999 %", "log-odds 16", "log-odds 20"} <= {*texts(svg)}
    ends = ends_of(svg)
    assert ends["median"] < ends["minimum"] - 10


@pytest.mark.parametrize("classes", [2, 7, 10, 1000])
def test_counts_of_classes_are_marked_in_even_steps(history, classes):
    found = texts(page.draw_thresholds(history, classes))
    marks = [
        int(each.replace(",", ""))
        for each in found[found.index("images scored") + 1 :]
        if each.replace(",", "").isdecimal()
    ]
    assert len({after - before for before, after in pairwise(marks)}) == 1
    assert marks[0] == 0
    assert marks[-1] >= classes


def test_numbers_in_texts_are_not_rounded_with_those_of_paths():
    assert compact(b'<text x="1.23456">99.9999 %</text>') == (b'<text x="1.23">99.9999 %</text>')


def test_equal_confidences_of_exactly_one_and_zero_can_be_drawn(history):
    for p, rank in ((0.0, 0.0), (0.0, -math.inf), (1.0, 1.0), (1.0, math.inf)):
        svg = draw_confidences(run_of(history, (0, 0, p, rank), (0, 1, p, rank)))
        assert b"nan" not in svg.lower()
        assert b"inf" not in svg.lower()


def test_lines_that_end_at_certainty_are_labelled_in_their_order(history):
    ends = ends_of(draw_confidences(run_of(history, (0, 0, 1.0, 19.0), (0, 1, 1.0, 18.9))))
    assert sorted(ends, key=ends.__getitem__) == ["median", "mean", "minimum"]


def test_thresholds_are_counted_up_to_all_classes(history):
    found = texts(page.draw_thresholds(history, 10))
    assert {"0", "10", "≥ 50 %", "≥ 90 %", "≥ 99 %", "≥ 99.99 %", "images scored"} <= set(found)


def test_labels_of_curves_that_end_together_do_not_cover_each_other(history):
    together = [replace(report, classes_ge=(10, 10, 10, 10)) for report in history]
    root = ET.fromstring(page.draw_thresholds(together, 10))
    rows = sorted(float(e.get("y", 0)) for e in root.iter() if (e.text or "").startswith("≥"))
    assert len(rows) == 4
    assert all(b - a > 10 for a, b in pairwise(rows))


def test_replacements_of_a_long_run_are_averaged_so_that_none_is_lost(history):
    long = [
        replace(history[0], generation=i, replacements=1000 * (i == 3), goal_switches=0)
        for i in range(1000)
    ]
    found = texts(page.draw_replacements(long))
    assert "100" in found  # 1000 replacements in a bar of 10 generations
    assert "1,000" not in found


@pytest.mark.parametrize("count", [1, 2, 3000])
def test_every_curve_can_be_drawn_of_any_number_of_generations(history, count):
    stretched = [
        replace(history[i % 40], generation=i, evaluations=200 * (i + 1)) for i in range(count)
    ]
    told = [(i, i % 2, 0.9, float(i)) for i in range(count)]
    drawn = [
        draw_confidences(run_of(stretched, *told)),
        page.draw_thresholds(stretched, 10),
        page.draw_replacements(stretched),
        page.draw_sizes(stretched),
    ]
    for svg in drawn:
        assert ET.fromstring(svg).tag.endswith("svg")
        assert len(svg) < 100_000


def test_thinning_keeps_the_last_generation(history):
    long = [replace(history[0], evaluations=i) for i in range(1234)]
    drawn = page.draw_sizes(long)
    paths = re.findall(r'd="([^"]+)"', drawn.decode())
    assert max(len(re.findall("[ML]", path)) for path in paths) <= 2 * page.MOST_POINTS
    assert drawn != page.draw_sizes([*long[:-1], replace(long[-1], nodes=99.0)])
