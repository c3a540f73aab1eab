import gc

import pytest

from neatfool.machine import THRESHOLDS, collected_rarely


@pytest.fixture(autouse=True)
def _thresholds_restored():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def collections_while_making(count):
    """Count the looks at cycles while so many objects are made and kept."""
    seen = []
    gc.collect()
    gc.callbacks.append(lambda phase, info: seen.append(phase))
    try:
        kept = [[] for _ in range(count)]
    finally:
        gc.callbacks.pop()
    assert len(kept) == count
    return seen.count("start")


def test_a_generation_of_genes_does_not_make_python_look_for_cycles():
    gc.set_threshold(700, 10, 10)
    assert collections_while_making(50_000) > 10
    with collected_rarely():
        assert collections_while_making(50_000) == 0


def test_cycles_are_still_found():
    with collected_rarely():
        assert collections_while_making(3 * THRESHOLDS[0]) > 0


@pytest.mark.parametrize("own", [(700, 10, 10), (500_000, 5, 100), (0, 10, 10)])
def test_what_was_set_before_is_set_again(own):
    gc.set_threshold(*own)
    with collected_rarely():
        assert all(now >= before for now, before in zip(gc.get_threshold(), own, strict=True))
    assert gc.get_threshold() == own
