import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.wording import duration, four_digits, level, percent, share, spending, unbroken


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (0.0, "0.0 %"),
        (9e-7, "0.0 %"),
        (0.0000012, "0.00012 %"),
        (0.0000345, "0.0034 %"),
        (0.00219, "0.21 %"),
        (0.00999, "0.99 %"),
        (0.0123, "1.2 %"),
        (0.5, "50.0 %"),
        (0.99, "99.0 %"),
        (0.98999, "98.9 %"),
        (0.99899, "99.8 %"),
        (0.99909, "99.90 %"),
        (0.9999, "99.99 %"),
        (0.99998, "> 99.99 %"),
        (0.9999999, "> 99.99 %"),
        (float(np.float32(1 - 1e-9)), "> 99.99 %"),
        (1.0, "> 99.99 %"),
    ],
)
def test_near_certainties_are_written_alike_and_small_confidences_can_be_told_apart(
    confidence, text
):
    assert percent(confidence) == text


@pytest.mark.parametrize(
    ("confidence", "rank", "text"),
    [
        (1.0, 1.0, "> 99.99 %"),  # of a target without logits: the confidence itself
        (1.0, 17.04, "> 99.99 % (log-odds 17.0)"),
        (0.99999, 11.5, "> 99.99 % (log-odds 11.5)"),
        (0.98999, 4.6, "98.9 %"),
    ],
)
def test_log_odds_tell_certainties_apart(confidence, rank, text):
    assert percent(confidence, rank) == text


@given(st.floats(0, 1))
def test_nothing_is_rounded_up_and_nothing_reads_100(confidence):
    written = float(percent(confidence).removesuffix(" %").removeprefix("> ")) / 100
    assert written < 1
    assert written <= confidence + 1e-15


@pytest.mark.parametrize(
    ("part", "digits", "text"),
    [
        (0, 0, "0 %"),
        (0.004, 0, "< 1 %"),
        (0.456, 0, "46 %"),
        (0.9951, 0, "> 99 %"),
        (1, 0, "100 %"),
        (1.04, 0, "104 %"),
        (-0.001, 0, "0 %"),
        (0.98725, 2, "98.72 %"),
        (0.999999, 1, "> 99.9 %"),
        (float("nan"), 0, "-"),
    ],
)
def test_only_all_are_a_share_of_100_and_only_none_of_0(part, digits, text):
    assert share(part, digits) == text


def test_a_number_keeps_its_signs_in_a_line_of_a_page():
    assert unbroken("It is > 99.99 % of x > y.") == "It is >\u00a099.99\u00a0% of x > y."


def test_a_threshold_has_all_its_digits():
    assert [level(part) for part in (0.5, 0.999999, 0.0003)] == ["50 %", "99.9999 %", "0.03 %"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_times_are_said_in_two_units_at_most(seconds, text):
    assert duration(seconds) == text


def test_spending_is_summed_up():
    requests = {"answered": (1200, 9600), "429": (2, 16)}
    assert spending(requests) == "9,616 queries in 1,202 requests (1,200 answered, 2 429)"
    assert spending({"answered": (1, 1)}) == "1 query in 1 request (1 answered)"


@pytest.mark.parametrize(
    ("score", "written"),
    [
        (-12.3456, "-12.35"),
        (-0.0, "0"),
        (20481.4, "20,481"),
        (1e-9, "1e-09"),
        (-2.5e12, "-2.5e+12"),
    ],
)
def test_a_score_has_four_digits_whatever_its_size(score, written):
    assert four_digits(score) == written
