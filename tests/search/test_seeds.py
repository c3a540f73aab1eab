from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from neatfool import derive_seed, derive_seeds

PARTS = st.lists(st.integers() | st.text(), max_size=3)


@given(PARTS, st.lists(st.integers() | st.text(), max_size=5))
def test_many_seeds_are_those_made_one_by_one(parts, ids):
    assert derive_seeds(*parts, ids=ids) == [derive_seed(*parts, id_) for id_ in ids]


@given(PARTS.filter(bool))
def test_a_seed_is_63_bits_of_a_hash_of_its_parts(parts):
    text = "\x1f".join(map(str, parts)).encode()
    seed = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1
    assert derive_seed(*parts) == seed < 2**63


def test_seeds_of_other_decisions_are_others():
    seeds = {
        *derive_seeds(1, "breed", ids=range(1000)),
        *derive_seeds(1, "create", ids=range(1000)),
    }
    assert len(seeds) == 2000
