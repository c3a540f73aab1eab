from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neatfool.cppn.genome.markings import first_free, split_key

KEYS = st.integers(-4, 2**52 - 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(KEYS, KEYS, st.integers(0, 30))
def test_compiled_codes_hash_is_pythons(plain, source, target, again):
    hashing = plain.hashing
    block = np.empty(hashing.BLOCK, np.uint64)
    for kind, numbers in ((hashing.SPLIT, (source, target)), (hashing.GRAFT, (source,))):
        found = hashing._hash(kind, source, target, again, block)  # only compiled code uses it
        assert found == hashing.new_id(kind, source, target, again, block)
        if again == 0:
            name = "split" if kind == hashing.SPLIT else "graft"
            assert found == first_free(name, *numbers, taken=())


@pytest.mark.parametrize("edge", [(-4, 0), (0, 1), (2**52 - 1, 2**51), (10, 100)])
def test_a_node_that_splits_an_edge_has_the_id_that_neat_python_is_given(edge, plain):
    hashing = plain.hashing
    block = np.empty(hashing.BLOCK, np.uint64)
    first = hashing._hash(hashing.SPLIT, *edge, 0, block)
    assert first == split_key(edge, ())
    assert hashing._hash(hashing.SPLIT, *edge, 1, block) == split_key(edge, {first})
