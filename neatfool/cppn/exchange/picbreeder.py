"""Turns genomes of Picbreeder into neatfool's, which draw the same pictures.

Picbreeder (picbreeder.org, 2007) let people breed CPPNs by eye. Its genomes are XML::

    <genome age="74" phenotype="grey"><nodes count="23">
      <node label="ink" type="out">
        <marking branch="534" id="4"/><activation>gaussian(x)</activation></node> ...
    <links count="57">
      <link><marking branch="542" id="97"/><source branch="534" id="1"/>
        <target branch="542" id="96"/><weight>1.726418671601825</weight></link> ...

A node's name is its marking.

The pictures are those of Kumar, Clune, Lehman and Stanley's reading of Picbreeder
(github.com/akarshkumar0101/fer): x and y go from -1 to 1, and d is 1.4 sqrt(x^2 + y^2). The hue is
h + 1 modulo 1, the saturation is clipped to [0, 1], and of the brightness the size counts.
Picbreeder's functions are neatfool's but for factors and summands, which weights and biases take
up.
"""

import io
import math
import zipfile
import zlib
from typing import Final, NamedTuple, NoReturn
from xml.etree import ElementTree as ET

from neatfool.cppn.draw.lattice import Look
from neatfool.cppn.exchange.network import NATIVE, NeatNetwork
from neatfool.cppn.genome.genes import PICBREEDER, ConnectionGene, NodeGene, first_free
from neatfool.cppn.genome.genome import Genome, check_genome
from neatfool.errors import GenomeError, nearest

Marking = tuple[int, int]
Link = tuple[Marking, Marking, float]

LARGEST: Final = 16 << 20
"""The most bytes of a document. A network of a hundred nodes has 150 kB."""
STEEP: Final = 1e6
"""How steep the step is that tells hues below 0: any that no picture shows."""
DAMAGE: Final = (
    *(ET.ParseError, zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError),
    *(AttributeError, LookupError, TypeError, ValueError),
)
"""What reading raises where a file is damaged or something else."""


class _Function(NamedTuple):
    """Picbreeder's f(z) = factor * activation(z + bias) + summand."""

    activation: str
    bias: float = 0.0
    factor: float = 1.0
    summand: float = 0.0


_FUNCTIONS: Final = {
    "identity": _Function("identity"),
    "sin": _Function("paper_sine"),
    "cos": _Function("paper_sine", bias=math.pi / 2),
    "sigmoid": _Function("paper_sigmoid"),
    "gaussian": _Function("paper_gaussian", factor=2.0, summand=-1.0),
}


class _Node(NamedTuple):
    """A node of a file; its label says what an input or an output is."""

    kind: str
    label: str
    function: _Function


class _Source(NamedTuple):
    """A value of Picbreeder's: factor * (the value of our node or input) + summand."""

    key: int
    factor: float = 1.0
    summand: float = 0.0


def read_picbreeder(data: bytes, look: Look | None = None) -> NeatNetwork:
    """Read a genome of Picbreeder, as a network that draws the same picture.

    A grey picture may become coloured images, and a coloured one grey images (by its brightness).
    Weights are at most twice as large as Picbreeder's, which go from -3 to 3. (With raw inputs,
    biases take up where the middle of the picture is, and may be larger.)

    Args:
        data: The file: XML, or a ZIP archive with one file of it.
        look: How the outputs of the genome become a picture. A picture with hues needs the colour
            map ``hsv``, or ``grey``. If absent, that map of the two that it was made for.

    Returns:
        The network. Nodes of one marking have the same id in all genomes.

    Raises:
        GenomeError: The file is damaged or something else, or has a cycle, or a function that
            Picbreeder did not have, or the look has no place for its colours.
        ExperimentError: The look is wrong.
    """
    try:
        nodes, links = _read(_find_genome(_parse(_unzip(data))))
        is_grey = any(node.label == "ink" for node in nodes.values())
        usual = Look(NATIVE, NATIVE, inputs="normalised", colour_map="grey" if is_grey else "hsv")
        labels = (look or usual).colours.labels
        genome = _Translation(nodes, links, look or usual).genome(labels)
    except GenomeError:
        raise
    except DAMAGE as error:
        raise GenomeError(
            f"no genome of Picbreeder, or a damaged one ({type(error).__name__}: {error})"
        ) from error
    check_genome(genome)
    return NeatNetwork(genome, outputs=labels)


def _unzip(data: bytes) -> bytes:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [file for file in archive.infolist() if not file.is_dir()]
            if len(files) != 1:
                raise GenomeError(f"a ZIP archive of {len(files)} files; give one of one XML file")
            with archive.open(files[0]) as opened:
                data = opened.read(LARGEST + 1)  # no more than shows that it is too large
    if len(data) > LARGEST:
        raise GenomeError(f"more than {LARGEST >> 20} MiB; that is no genome of Picbreeder")
    return data


class _Builder(ET.TreeBuilder):
    """Builds a document without a DTD, whose entities could grow without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise GenomeError("has a DOCTYPE, which Picbreeder never wrote; take it out")


def _parse(data: bytes) -> ET.Element:
    """Parse a document."""
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 - it refuses a DTD, hence all entities
    parser.feed(data)
    root: ET.Element = parser.close()
    return root


def _find_genome(root: ET.Element) -> ET.Element:
    """Find the genome in a document."""
    found = [element for element in root.iter("genome") if element.find("nodes") is not None]
    if len(found) != 1:
        raise GenomeError(f"holds {len(found)} genomes; give a file of one, as rep.zip")
    return found[0]


def _read(genome: ET.Element) -> tuple[dict[Marking, _Node], list[Link]]:
    nodes = {}
    for element in genome.iterfind("nodes/node"):
        name = (element.findtext("activation") or "").strip().removesuffix("(x)")
        if name not in _FUNCTIONS:
            raise GenomeError(f"there is no function {name!r}{nearest(name, _FUNCTIONS)}")
        kind, label = element.get("type", "hidden"), element.get("label", "").strip()
        nodes[_read_marking(element, "marking")] = _Node(kind, label, _FUNCTIONS[name])
    links = [
        (
            _read_marking(element, "source"),
            _read_marking(element, "target"),
            float(element.findtext("weight", "")),
        )
        for element in genome.iterfind("links/link")
    ]
    return nodes, links


def _read_marking(element: ET.Element, name: str) -> Marking:
    (marking,) = element.iterfind(name)
    return int(marking.attrib["branch"]), int(marking.attrib["id"])


class _Translation:
    """A genome that is made of Picbreeder's nodes and links."""

    def __init__(self, nodes: dict[Marking, _Node], links: list[Link], look: Look) -> None:
        self._look = look
        self._marking_of = {
            node.label: marking for marking, node in nodes.items() if node.kind == "out"
        }
        # Outputs stand first, as in neatfool's own genomes.
        self._genes = {key: NodeGene(key, "identity") for key in range(look.colours.outputs)}
        self._edges: dict[tuple[int, int], ConnectionGene] = {}
        raw = look.inputs == "raw"
        axes = (
            _Source(key, 2 / (side - 1), -1.0) if raw and side > 1 else _Source(key)
            for key, side in ((-1, look.width), (-2, look.height))
        )
        labels = "x", "y", "d", "bias"
        inputs = dict(zip(labels, (*axes, _Source(-3, 1.4), _Source(-4)), strict=True))
        self._sources: dict[Marking, _Source] = {
            marking: inputs[node.label] for marking, node in nodes.items() if node.kind == "in"
        }
        computed = {marking: node.function for marking, node in nodes.items() if node.kind != "in"}
        for marking, function in computed.items():
            key = first_free(PICBREEDER, *marking, taken=self._genes)
            self._genes[key] = NodeGene(key, function.activation)
            self._sources[marking] = _Source(key, function.factor, function.summand)
        for marking, function in computed.items():
            key = self._sources[marking].key
            terms = [(source, weight) for source, target, weight in links if target == marking]
            self._genes[key].bias = self._connect(key, terms) + function.bias

    def genome(self, labels: tuple[str, ...]) -> Genome:
        """Add the outputs of a colour map, and give the genome."""
        coloured = "ink" not in self._marking_of
        for key, label in enumerate(labels):
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
                node.bias, node.response = 1.0, STEEP
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
