from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool import ExperimentError, derive_seed, derive_seeds
from neatfool.search.seed_list import MOST_SEEDS, parse_seeds
from neatfool.wording import format_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("1-5", (1, 2, 3, 4, 5)),
        ("1,3,7-9", (1, 3, 7, 8, 9)),
        (" 4 - 5 , 0 ", (4, 5, 0)),
        ("7-7", (7,)),
        (f"{2**63 - 1}", (2**63 - 1,)),
    ],
)
def test_seeds_and_ranges_are_read_in_their_order(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one comma is too many"),
        ("1,,2", "one comma is too many"),
        ("one", "'one' is not a seed; write 1-5, or 1,3,7-9"),
        ("-3", "'-3' is not a seed"),
        ("1.5", "'1.5' is not a seed"),
        ("٣", "is not a seed"),
        ("5-1", "5-1 runs backwards; write 1-5"),
        ("1-3,2-5", "2-3 twice"),
        (f"{2**63}", "the highest seed"),
        (f"0-{MOST_SEEDS}", "more than 10,000"),
        (f"1-{MOST_SEEDS},{MOST_SEEDS + 5}", "more than 10,000"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused_in_words(text, said):
    with pytest.raises(ExperimentError, match=r"^seeds ") as refused:
        parse_seeds(text)
    assert said in str(refused.value)


@given(st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 30), unique=True, min_size=1))
def test_what_is_written_is_read_again(seeds):
    assert parse_seeds(format_seeds(seeds)) == tuple(seeds)


@given(st.text(alphabet="0123456789,- x", max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        seeds = parse_seeds(text)
    except ExperimentError:
        return
    assert len(seeds) == len(set(seeds)) > 0
    assert parse_seeds(format_seeds(seeds)) == seeds


def test_neighbours_are_written_as_a_range():
    assert format_seeds([1, 2, 3, 7, 9, 10]) == "1-3,7,9-10"
    assert format_seeds([]) == ""


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
