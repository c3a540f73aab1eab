import json
import math

import pytest
from genomes import breeder_of, config_of, genomes
from hypothesis import given
from hypothesis import strategies as st

from neatfool import cppn
from neatfool.errors import GenomeError


def record(**changes):
    base = {
        "format": "neatfool.cppn",
        "version": 1,
        "nodes": [[0, "sin", "sum", 0.5, 1.0, 1.0], [9, "gauss", "sum", 0.0, 1.0, 1.0]],
        "connections": [[-1, 9, 2.5, True], [9, 0, -1, False]],
    }
    return {**base, **changes}


def node(**changes):
    return list(
        {"id": 0, "act": "sin", "agg": "sum", "bias": 0.5, "resp": 1.0, "time": 1.0, **changes}
        .values()
    )  # fmt: skip


@given(genomes())
def test_any_genome_reads_back_as_the_equal_genome(genome):
    text = cppn.dumps(genome)
    read = cppn.loads(text)
    assert read == genome
    assert cppn.dumps(read) == text
    assert [gene.innovation for gene in read.connections.values()] == [
        gene.innovation for gene in genome.connections.values()
    ]


@given(genomes())
def test_any_genome_comes_back_from_its_bytes(genome):
    assert cppn.from_bytes(cppn.to_bytes(genome)) == genome


def test_bytes_of_another_version_are_refused():
    (genome,) = breeder_of("paper").create([1])
    data = cppn.to_bytes(genome)
    with pytest.raises(GenomeError, match="another version"):
        cppn.from_bytes(bytes([data[0] ^ 1]) + data[1:])


def test_the_text_is_compact_versioned_json():
    text = cppn.dumps(cppn.loads(json.dumps(record())))
    assert text == json.dumps(record(connections=[[-1, 9, 2.5, True], [9, 0, -1.0, False]]),
                              separators=(",", ":"))  # fmt: skip


def test_minus_zero_and_the_smallest_float_survive():
    text = json.dumps(record(connections=[[-1, 0, -0.0, True], [-2, 0, 5e-324, True]]))
    first, second = cppn.loads(text).connections.values()
    assert math.copysign(1, first.weight) == -1
    assert second.weight == 5e-324


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_not_written(value):
    genome = cppn.loads(json.dumps(record()))
    genome.nodes[0].bias = value
    with pytest.raises(ValueError, match="JSON"):
        cppn.dumps(genome)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a genome: Invalid JSON"),
        ("[" * 100_000, "not a genome: Invalid JSON"),
        ("{}", "format: Field required"),
        (record(format="png"), "format: Input should be 'neatfool.cppn'"),
        (record(version=2), "version: Input should be less than or equal to 1"),
        (record(more=1), "more: Extra inputs"),
        (record(nodes=[[0, "sin"]]), r"nodes.0.2: Field required"),
        (record(nodes=[node(id="0")]), "should be a valid integer"),
        (record(nodes=[node(bias="1")]), r"nodes.0.3: Input should be a valid number"),
        (record(nodes=[node(bias=math.nan)], connections=[]), "its bias is nan"),
        (record(nodes=[node(resp=10**400)], connections=[]), "its response is inf"),
        (record(nodes=[node(id=-1)], connections=[]), "negative ids are the inputs'"),
        (record(nodes=[node(), node(id=1 << 70)]), "its id has more than 64 bits"),
        (record(nodes=[node(act="sine")]), "no 'sine'; did you mean .*'sin'"),
        (record(nodes=[node(agg="summ")]), "no 'summ'"),
        (record(nodes=[node(), node()], connections=[]), "two nodes of one id"),
        (record(connections=[[-1, 9, 1.0, 1]]), "should be a valid boolean"),
        (record(connections=[[-1, 9, math.inf, True]]), "its weight is inf"),
        (record(connections=[[-1, 8, 1.0, True]]), "there is no node 8"),
        (record(connections=[[9, -1, 1.0, True]]), "goes into an input"),
        (record(connections=[[-1, 0, 1.0, True]] * 2), "two connections of one id"),
        (record(connections=[[9, 0, 1.0, True], [0, 9, 1.0, False]]), "close a cycle: "),
    ],
)
def test_what_is_not_a_genome_is_refused_with_the_reason(text, message):
    text = text if isinstance(text, str) else json.dumps(text)
    with pytest.raises(ValueError, match=message):
        cppn.loads(text)


def test_a_genome_of_another_shape_is_refused():
    text = json.dumps(record())
    assert cppn.loads(text, config_of(outputs=1))
    with pytest.raises(ValueError, match="without the output 1; here a genome has 3"):
        cppn.loads(text, config_of(outputs=3))
    text = json.dumps(record(connections=[[-5, 0, 1.0, True]]))
    with pytest.raises(ValueError, match="-5 -> 0: here a genome has 4 inputs"):
        cppn.loads(text, config_of(outputs=1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.sampled_from(["nodes", "connections"]), JSON)
def test_anything_else_is_a_value_error(key, junk):
    try:
        cppn.loads(json.dumps(record(**{key: junk})))
    except ValueError:
        return
    assert junk == []
