"""``python -m benchmarks scoring``, on a small search."""

from benchmarks.scoring import watch
from benchmarks.targets import LeNetTarget


def test_a_search_is_watched():
    watched = watch(LeNetTarget, 20, 4, None)
    assert watched.seen["images"] == 40
    assert 0 < watched.seen["confirmed"] <= 40
    assert all(seconds[0] > 0 for seconds in watched.seconds.values())
