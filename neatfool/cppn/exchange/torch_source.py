"""A NEAT network as the source of a PyTorch module, which needs nothing of neatfool's."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jinja2 import Template

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.exchange.network import NeatNetwork, Node
from neatfool.cppn.formulas import Expression

_OPERATIONS: Final = {
    **{name: f"torch.{name.lower()}({{}})" for name in ("Abs", "Sqrt", "Exp", "Log", "Sin", "Cos")},
    **{name: f"torch.{name.lower()}({{}})" for name in ("Tanh", "Round", "Rsqrt")},
    **{"Add": "{} + {}", "Sub": "{} - {}", "Mul": "{} * {}", "Div": "{} / {}", "Neg": "-{}"},
    **{"Min": "torch.clamp({}, max={})", "Max": "torch.clamp({}, min={})"},
    "Step": "({0} >= 0).to({0}.dtype)",
}
"""The operations of formulas."""


def to_torch(network: NeatNetwork, *, title: str = "") -> str:
    """Write a network as Python source with one class, ``NeatModule``, a ``torch.nn.Module``.

    Args:
        network: The network.
        title: What it is, for the first line.
    """
    nodes = network.formula()
    weights = [weight for node in nodes for _, weight in node.terms]
    statements, first = [], 0
    for place, node in enumerate(nodes):
        statements.append(f"        {_name(node.key)} = {_statement(node, place, first)}")
        first += len(node.terms)
    keys = range(-1, -1 - len(network.inputs), -1)
    template = Path(__file__).with_name("module.py.j2").read_text(encoding="utf-8")
    text: str = Template(template, keep_trailing_newline=True).render(
        title=_plain([title]) or "A NEAT network",
        version=version("neatfool"),
        inputs=_plain(network.inputs),
        outputs=_plain(network.outputs),
        input_count=len(network.inputs),
        output_count=len(network.outputs),
        functions="\n".join(_declare(name) for name in sorted({n.activation for n in nodes})),
        weights=", ".join(map(repr, weights)),
        biases=", ".join(repr(node.bias) for node in nodes),
        names=", ".join(map(_name, keys)),
        statements="\n".join(statements),
        results=", ".join(map(_name, range(len(network.outputs)))),
    )
    return text


def _statement(node: Node, place: int, first: int) -> str:
    """Write what computes a node; one without inputs still has a value for each example."""
    terms = [f"w[{first + n}] * {_name(key)}" for n, (key, _) in enumerate(node.terms)]
    total = " + ".join(terms) or f"torch.zeros_like({_name(-1)})"
    if node.response != 1.0:
        total = f"{node.response!r} * ({total})"
    return f"act_{node.activation}(b[{place}] + {total})"


def _declare(activation: str) -> str:
    """Write an activation as a function."""
    formula: Expression = ACTIVATIONS[activation].at_points
    lines: list[str] = []

    def perform(kind: str, *inputs: str | float) -> str:
        lines.append(f"    t{len(lines)} = {_OPERATIONS[kind].format(*inputs)}")
        return f"t{len(lines) - 1}"

    (result,) = formula.evaluate(perform, "z")
    return "\n".join([f"def act_{activation}(z):", *lines, f"    return {result}", "\n"])


def _name(key: int) -> str:
    return f"x{-1 - key}" if key < 0 else f"n{key}"


def _plain(texts: Sequence[str]) -> str:
    """Write labels as a docstring can hold them: one line, which ends nothing."""
    joined = ", ".join(texts).encode("ascii", "backslashreplace").decode()
    return "".join(each if each.isprintable() and each not in "\\\"'" else " " for each in joined)
