"""The JSON of neat-python 2's ``neat.export``, read and written.

It has what evaluating a network needs, and so do its readers in other frameworks.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, Final, Literal

from neat.activations import ActivationFunctionSet
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from neatfool.cppn.exchange.network import NeatNetwork
from neatfool.cppn.genome.genes import NodeGene
from neatfool.cppn.genome.serial import first_problem
from neatfool.errors import GenomeError

VERSION: Final = "1.0"
"""The version of the format."""


class _FunctionRecord(BaseModel):
    name: str
    custom: bool = False


class _NodeRecord(BaseModel):
    id: int
    type: Literal["input", "hidden", "output"]
    activation: _FunctionRecord
    aggregation: _FunctionRecord
    bias: FiniteFloat
    response: FiniteFloat


class _ConnectionRecord(BaseModel):
    source: int = Field(alias="from")
    target: int = Field(alias="to")
    weight: FiniteFloat
    enabled: bool


class _TopologyRecord(BaseModel):
    input_keys: list[int]
    output_keys: list[int]


class _NetworkRecord(BaseModel):
    format_version: str
    network_type: str
    topology: _TopologyRecord
    nodes: list[_NodeRecord]
    connections: list[_ConnectionRecord]


def read_neat_json(data: Any) -> NeatNetwork:
    """Read what ``neat.export`` wrote, once it is parsed.

    Raises:
        GenomeError: It is no feed-forward network, or one with functions that neatfool has not.
    """
    try:
        record = _NetworkRecord.model_validate(data, strict=True)
    except ValidationError as error:
        raise GenomeError(f"not a network of neat-python's: {first_problem(error)}") from error
    if record.format_version.partition(".")[0] != "1":
        raise GenomeError(f"the format's version {record.format_version!r}, not {VERSION}")
    if record.network_type != "feedforward":
        fault = f"a network of the type {record.network_type!r}"
        raise GenomeError(f"{fault}; neatfool has only feed-forward ones")
    inputs, outputs = record.topology.input_keys, record.topology.output_keys
    if inputs != [-1 - place for place in range(len(inputs))] or outputs != [*range(len(outputs))]:
        raise GenomeError("inputs that are not -1, -2, …, or outputs that are not 0, 1, …")
    computed = [node for node in record.nodes if node.type != "input"]
    own = ActivationFunctionSet().functions
    for node in computed:
        if node.aggregation.custom or (node.activation.custom and node.activation.name in own):
            raise GenomeError(f"node {node.id}: has a function of its author's own")
    return NeatNetwork.assemble(
        ((n.id, n.activation.name, n.aggregation.name, n.bias, n.response) for n in computed),
        ((c.source, c.target, c.weight, c.enabled) for c in record.connections),
        len(inputs),
        len(outputs),
    )


def write_neat_json(network: NeatNetwork, **metadata: Any) -> str:
    """Write a network as ``neat.export`` does, with all of its genes, also disabled ones."""
    inputs, outputs = ([*range(-1, -1 - len(network.inputs), -1)], [*range(len(network.outputs))])
    nodes = [_describe(key, "input", NodeGene(key, "identity", "none")) for key in inputs]
    for key, gene in network.genome.nodes.items():
        nodes.append(_describe(key, "output" if key in outputs else "hidden", gene))
    record = {
        "format_version": VERSION,
        "network_type": "feedforward",
        "metadata": {
            "neat_python_version": version("neat-python"),
            "written_by": f"neatfool {version('neatfool')}",
            **metadata,
        },
        "topology": {
            "num_inputs": len(inputs),
            "num_outputs": len(outputs),
            "input_keys": inputs,
            "output_keys": outputs,
        },
        "nodes": nodes,
        "connections": [
            {"from": a, "to": b, "weight": gene.weight, "enabled": gene.enabled}
            for (a, b), gene in network.genome.connections.items()
        ],
    }
    return json.dumps(record, indent=2, allow_nan=False)


def _describe(key: int, kind: str, gene: NodeGene) -> dict[str, Any]:
    custom = gene.activation not in ActivationFunctionSet().functions
    return {
        "id": key,
        "type": kind,
        "activation": {"name": gene.activation, "custom": custom},
        "aggregation": {"name": gene.aggregation, "custom": False},
        "bias": gene.bias,
        "response": gene.response,
    }
