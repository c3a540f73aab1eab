"""Turns genomes of Picbreeder into neatfool's, which draw the same pictures.

Picbreeder (picbreeder.org, 2007) let people breed CPPNs by eye. Its genomes are XML::

    <genome age="74" phenotype="grey"><nodes count="23">
      <node label="ink" type="out">
        <marking branch="534" id="4"/><activation>gaussian(x)</activation></node> ...
    <links count="57">
      <link><marking branch="542" id="97"/><source branch="534" id="1"/>
        <target branch="542" id="96"/><weight>1.726418671601825</weight></link> ...

A node's name is its marking. CPPN-X (github.com/JoostHuizinga/cppnx), which explores such networks,
writes the same with attributes of its own, and an element before the document.

The pictures are those of Kumar, Clune, Lehman and Stanley's reading of Picbreeder
(github.com/akarshkumar0101/fer): x and y go from -1 to 1, and d is 1.4 sqrt(x^2 + y^2). The hue is
h + 1 modulo 1, the saturation is clipped to [0, 1], and of the brightness the size counts.
Picbreeder's functions are neatfool's but for factors and summands, which weights and biases take
up.
"""

import io
import math
import re
import zipfile
import zlib
from typing import Final, NamedTuple, NoReturn
from xml.etree import ElementTree as ET

import networkx as nx

from neatfool.cppn.exchange.picture import Look
from neatfool.cppn.genome.genes import PICBREEDER, ConnectionGene, NodeGene, first_free
from neatfool.cppn.genome.genome import Genome
from neatfool.errors import GenomeError, nearest, quoted

Marking = tuple[int, int]
Link = tuple[Marking, Marking, float]

LARGEST: Final = 16 << 20
"""The most bytes of a document. A network of a hundred nodes has 150 kB."""

INPUTS: Final = ("x", "y", "d", "bias")
COLOURS: Final = ("hue", "saturation", "brightness")
_LABELS: Final = {"in": INPUTS, "out": ("ink", *COLOURS), "hidden": ("",)}

_BEFORE: Final = re.compile(rb"<cppn-data\b[^<>]*/>")
_STEEP: Final = 1e6
"""How steep the step is that tells hues below 0: any that no picture shows."""


class _Function(NamedTuple):
    """Picbreeder's f(z) = factor * activation(response * z + bias) + summand."""

    activation: str
    response: float = 1.0
    bias: float = 0.0
    factor: float = 1.0
    summand: float = 0.0


_FUNCTIONS: Final = {
    "identity": _Function("identity"),
    "sin": _Function("paper_sine"),
    "cos": _Function("paper_sine", bias=math.pi / 2),
    "sigmoid": _Function("paper_sigmoid"),
    "gaussian": _Function("paper_gaussian", factor=2.0, summand=-1.0),
    # CPPN-X has these, too.
    "tanh": _Function("paper_sigmoid", response=2.0),
    "usigmoid": _Function("paper_sigmoid", factor=0.5, summand=0.5),
    "ugaussian": _Function("paper_gaussian"),
    "ublin": _Function("clamped", response=2.0, bias=-1.0, factor=0.5, summand=0.5),
}


class _Node(NamedTuple):
    """A node of a file; its label says what an input or an output is."""

    label: str
    activation: str
    bias: float


class _Source(NamedTuple):
    """A value of Picbreeder's: factor * (the value of our node or input) + summand."""

    key: int
    factor: float = 1.0
    summand: float = 0.0


def read_picbreeder(data: bytes, look: Look) -> Genome:
    """Read a genome of Picbreeder, as one that draws the same picture.

    A grey picture may become coloured images, and a coloured one grey images (by its brightness).
    Weights are at most twice as large as Picbreeder's, which go from -3 to 3. (With raw inputs,
    biases take up where the middle of the picture is, and may be larger.)

    Args:
        data: The file: XML, or a ZIP archive with one file of it.
        look: How the outputs of the genome become a picture. A picture with hues needs the colour
            map ``hsv``, or ``grey``.

    Returns:
        The genome. Nodes of one marking have the same id in all genomes.

    Raises:
        GenomeError: The file is damaged or something else, or has a cycle, or a function that
            Picbreeder did not have, or the look has no place for its colours; the message says
            where, what, and what to do.
        ExperimentError: The look is wrong.
    """
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 - it refuses a DTD, hence all entities
    data = _BEFORE.sub(b"", _unzip(data), count=1)
    try:
        parser.feed(data)
        root: ET.Element = parser.close()
    except GenomeError:
        raise
    # ValueError and LookupError: an encoding that Python does not have.
    except (ET.ParseError, ValueError, LookupError) as error:
        raise GenomeError(f"not XML: {error}") from error
    found = [element for element in root.iter("genome") if element.find("nodes") is not None]
    if len(found) != 1:
        what = f"{len(found)} genomes" if found else "no <genome> that has <nodes>"
        raise GenomeError(f"holds {what}; give a file of one, as Picbreeder's rep.zip")
    nodes: dict[Marking, _Node] = {}
    for element in found[0].iterfind("nodes/node"):
        marking, node = _read_node(element)
        if marking in nodes:
            raise GenomeError(f"{_name(marking)} is there twice; a genome has each node once")
        if node.label and node.label in {each.label for each in nodes.values()}:
            raise GenomeError(f"two nodes are {node.label!r}; a genome has one")
        nodes[marking] = node
    links: list[Link] = []
    for element in found[0].iterfind("links/link"):
        source, target = (_read_marking(element, end, "a link") for end in ("source", "target"))
        for end in (source, target):
            if end not in nodes:
                raise GenomeError(f"a link joins {_name(end)}, which is not there")
        if nodes[target].label in INPUTS:
            raise GenomeError(f"a link leads into {_name(target)}, an input; take it out")
        where = f"the link from {_name(source)} to {_name(target)}: its weight"
        links.append((source, target, _read_number(element.findtext("weight") or "", where)))
    labels = {node.label for node in nodes.values()}
    if "ink" not in labels and (absent := [each for each in COLOURS if each not in labels]):
        raise GenomeError(
            f"has neither the output 'ink' nor {absent[0]!r}; a picture needs one or all"
        )
    try:
        cycle = nx.find_cycle(nx.DiGraph((source, target) for source, target, _ in links))
    except nx.NetworkXNoCycle:
        return _Translation(nodes, links, look).genome()
    way = " -> ".join(_name(source) for source, _ in [*cycle, cycle[0]])
    raise GenomeError(
        f"links close a cycle ({way}); only networks without one can be drawn, so take one of its "
        "links out"
    )


def _name(marking: Marking) -> str:
    return f"node {marking[1]} of branch {marking[0]}"


def _unzip(data: bytes) -> bytes:
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                files = [file for file in archive.infolist() if not file.is_dir()]
                for file in files[:1]:  # no more of it than shows that it is too large
                    with archive.open(file) as opened:
                        data = opened.read(LARGEST + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            raise GenomeError(f"a damaged ZIP archive ({error}); load it anew") from error
        except (NotImplementedError, RuntimeError) as error:
            raise GenomeError(f"a ZIP archive of another kind ({error}); unpack it") from error
        if len(files) != 1:
            raise GenomeError(f"a ZIP archive of {len(files)} files; give one of one XML file")
    if len(data) > LARGEST:
        raise GenomeError(f"more than {LARGEST >> 20} MiB; that is no genome of Picbreeder")
    return data


class _Builder(ET.TreeBuilder):
    """Builds a document without a DTD, whose entities could grow without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise GenomeError("has a DOCTYPE, which Picbreeder never wrote; take it out")


def _read_node(element: ET.Element) -> tuple[Marking, _Node]:
    marking = _read_marking(element, "marking", "a node")
    where, kind = _name(marking), element.get("type", "hidden")
    label = element.get("label", "").strip() if kind != "hidden" else ""
    if kind not in _LABELS:
        raise GenomeError(f"{where}: its type is {quoted(kind)}; known are in, hidden and out")
    if label not in _LABELS[kind]:
        raise GenomeError(
            f"{where}: there is no {'input' if kind == 'in' else 'output'} {quoted(label)}; "
            f"known are {', '.join(_LABELS[kind])}"
        )
    activation = (element.findtext("activation") or "").strip().removesuffix("(x)")
    if label not in INPUTS and activation not in _FUNCTIONS:
        raise GenomeError(
            f"{where}: there is no function {activation!r}{nearest(activation, _FUNCTIONS)}"
        )
    bias = _read_number(element.get("bias", "0"), f"{where}: its bias")
    if label in INPUTS and (activation != "identity" or bias):
        raise GenomeError(
            f"{where}: the input {label!r} has a function or a bias, which Picbreeder's do not "
            "have; make it identity(x)"
        )
    return marking, _Node(label, activation, bias)


def _read_marking(element: ET.Element, name: str, owner: str) -> Marking:
    given = element.find(name)
    texts = [] if given is None else [given.get("branch", ""), given.get("id", "")]
    if not texts or not all(re.fullmatch(r"-?[0-9]{1,18}", text) for text in texts):
        raise GenomeError(f'{owner} without <{name} branch="NUMBER" id="NUMBER"/>')
    return int(texts[0]), int(texts[1])


def _read_number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise GenomeError(f"{name} is {quoted(text)}, not a finite number")
    return number


class _Translation:
    """A genome that is made of Picbreeder's nodes and links."""

    def __init__(self, nodes: dict[Marking, _Node], links: list[Link], look: Look) -> None:
        self._look = look
        self._marking_of = {node.label: marking for marking, node in nodes.items()}
        # Outputs stand first, as in neatfool's own genomes.
        self._genes = {key: NodeGene(key, "identity") for key in range(look.colours.outputs)}
        self._edges: dict[tuple[int, int], ConnectionGene] = {}
        raw = look.inputs == "raw"
        axes = (
            _Source(key, 2 / (side - 1), -1.0) if raw and side > 1 else _Source(key)
            for key, side in ((-1, look.width), (-2, look.height))
        )
        inputs = dict(zip(INPUTS, (*axes, _Source(-3, 1.4), _Source(-4)), strict=True))
        self._sources: dict[Marking, _Source] = {
            marking: inputs[node.label] for marking, node in nodes.items() if node.label in inputs
        }
        computed = {marking: node for marking, node in nodes.items() if node.label not in inputs}
        for marking, node in computed.items():
            function = _FUNCTIONS[node.activation]
            key = first_free(PICBREEDER, *marking, taken=self._genes)
            self._genes[key] = NodeGene(key, function.activation, response=function.response)
            self._sources[marking] = _Source(key, function.factor, function.summand)
        for marking, node in computed.items():
            function, key = _FUNCTIONS[node.activation], self._sources[marking].key
            terms = [(source, weight) for source, target, weight in links if target == marking]
            total = node.bias + self._connect(key, terms)
            self._genes[key].bias = function.response * total + function.bias

    def genome(self) -> Genome:
        """Add our outputs, and give the genome."""
        coloured = "ink" not in self._marking_of
        for key, label in enumerate(self._look.colours.labels):
            if not coloured and label in {"hue", "saturation", "green-red", "blue-yellow"}:
                continue  # a grey picture: they stay 0
            if coloured and label not in {"hue", "saturation", "value", "grey"}:
                raise GenomeError(
                    f"a picture in hues, for which colour = {self._look.colour_map} has no place; "
                    "set colour = hsv"
                )
            if label == "saturation":
                self._copy(key, label, "relu")
            elif label == "hue":  # the hue h, or h + 1 if it is below 0
                step = first_free(PICBREEDER, *self._marking_of["hue"], taken=self._genes)
                # 1 from 0 on, and -1 below.
                node = self._copy(step, "hue", "clamped")
                self._edges[-4, step] = ConnectionGene((-4, step), node.bias)
                node.bias, node.response = 1.0, _STEEP
                self._copy(key, "hue", "identity").bias += 0.5
                self._edges[step, key] = ConnectionGene((step, key), -0.5)
            else:
                self._copy(key, "brightness" if coloured else "ink", "identity")
        return Genome.of(self._genes.values(), self._edges.values())

    def _connect(self, target: int, terms: list[tuple[Marking, float]]) -> float:
        """Connect a node with its sources; give what is to be added to their sum."""
        total = 0.0
        for marking, weight in terms:
            source = self._sources[marking]
            gene = self._edges.setdefault(
                (source.key, target), ConnectionGene((source.key, target))
            )
            gene.weight += weight * source.factor
            total += weight * source.summand
        return total

    def _copy(self, key: int, label: str, activation: str) -> NodeGene:
        """Make a node that gives an output of theirs."""
        node = self._genes[key] = NodeGene(key, activation)
        node.bias = self._connect(key, [(self._marking_of[label], 1.0)])
        return node
