import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.wording import duration, percent, spending


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
        (0.9999, "99.990 %"),
        (0.99998, "99.998 %"),
        (0.9999999, "99.999990 %"),
        (1.0, "100 %"),
    ],
)
def test_near_certainties_can_be_told_apart_and_small_confidences_too(confidence, text):
    assert percent(confidence) == text


@pytest.mark.parametrize(
    ("rank", "text"),
    [
        (1.0, "100 %"),  # of a target without logits: the confidence itself
        (17.0, "99.999995 %"),
        (20.0, "99.9999997 %"),
        (500.0, "99.99999999990 %"),
    ],
)
def test_log_odds_tell_certainties_apart(rank, text):
    assert percent(1.0, rank) == text
    assert percent(0.98999, rank) == "98.9 %"


@given(st.floats(0, 1, exclude_max=True))
def test_only_certainty_reads_100_and_nothing_is_rounded_up(confidence):
    written = float(percent(confidence).removesuffix(" %")) / 100
    assert written < 1
    assert written <= confidence + 1e-15


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_times_are_said_in_two_units_at_most(seconds, text):
    assert duration(seconds) == text


def test_spending_is_summed_up():
    requests = {"answered": (1200, 9600), "429": (2, 16)}
    assert spending(requests) == "9,616 queries in 1,202 requests (1,200 answered, 2 429)"
    assert spending({"answered": (1, 1)}) == "1 query in 1 request (1 answered)"
