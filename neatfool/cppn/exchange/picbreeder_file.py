"""Reads the files of Picbreeder's genomes.

Picbreeder (picbreeder.org, 2007) let people breed CPPNs by eye. Its genomes are XML::

    <genome age="74" phenotype="grey">
      <nodes count="23">
        <node label="ink" type="out">
          <marking branch="534" id="4"/>
          <activation>gaussian(x)</activation>
        </node>
        ...
      <links count="57">
        <link>
          <marking branch="542" id="97"/>
          <source branch="534" id="1"/>
          <target branch="542" id="96"/>
          <weight>1.726418671601825</weight>
        </link>
        ...

A node's name is its marking. CPPN-X (github.com/JoostHuizinga/cppnx), which explores such networks,
writes the same with attributes of its own, and an element before the document.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final, NoReturn
from xml.etree import ElementTree as ET

from neatfool.errors import GenomeError, quoted

LARGEST: Final = 16 << 20
"""The most bytes of a document. A network of a hundred nodes has 150 kB."""

INPUTS: Final = ("x", "y", "d", "bias")
GREY: Final = ("ink",)
COLOURS: Final = ("hue", "saturation", "brightness")

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError)
"""What a damaged archive raises."""

_BEFORE = re.compile(rb"<cppn-data\b[^<>]*/>")

Marking = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """A node of a file."""

    marking: Marking
    """Its branch and its id, which together are its name."""
    label: str
    """What an input or an output is; empty for others."""
    activation: str
    """The name of its function, without ``(x)``."""
    bias: float
    """The number added to its sum."""


@dataclass(frozen=True)
class Picbreeder:
    """The genome of a file.

    Attributes:
        nodes: Its nodes, in the order of the file.
        links: The source, the target and the weight of each link.
    """

    nodes: tuple[Node, ...]
    links: tuple[tuple[Marking, Marking, float], ...]

    @property
    def labelled(self) -> dict[str, Node]:
        """The inputs and outputs by their labels."""
        return {node.label: node for node in self.nodes if node.label}


def name_of(marking: Marking) -> str:
    """Write the name of a node as messages have it."""
    return f"node {marking[1]} of branch {marking[0]}"


def parse_picbreeder(data: bytes) -> Picbreeder:
    """Read a file of a Picbreeder genome.

    Args:
        data: XML, or a ZIP archive with one file of it, as Picbreeder stored them.

    Raises:
        GenomeError: It is something else; the message says what, and what to do.
    """
    genome = _find_genome(_parse(_BEFORE.sub(b"", _unzip(data), count=1)))
    nodes = tuple(_read_node(element) for element in genome.iterfind("nodes/node"))
    counted = Counter(node.marking for node in nodes)
    if twice := [marking for marking, count in counted.items() if count > 1]:
        raise GenomeError(f"{name_of(twice[0])} is there twice; a genome has each node once")
    labels = Counter(node.label for node in nodes if node.label)
    if twice_labelled := [label for label, count in labels.items() if count > 1]:
        raise GenomeError(f"two nodes are {twice_labelled[0]!r}; a genome has one")
    links = tuple(_read_link(element, counted) for element in genome.iterfind("links/link"))
    found = Picbreeder(nodes, links)
    _check_labels(found)
    return found


def _unzip(data: bytes) -> bytes:
    if not data.startswith(b"PK"):
        return _check_size(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [file for file in archive.infolist() if not file.is_dir()]
            unpacked = [_unpack(archive, file) for file in files[:1]]
    except _DAMAGED as error:
        raise GenomeError(f"a damaged ZIP archive ({error}); load it anew") from error
    except (NotImplementedError, RuntimeError) as error:
        raise GenomeError(f"a ZIP archive of another kind ({error}); unpack it") from error
    if len(files) != 1:
        raise GenomeError(f"a ZIP archive of {len(files)} files; give one of one XML file")
    return _check_size(unpacked[0])


def _unpack(archive: zipfile.ZipFile, file: zipfile.ZipInfo) -> bytes:
    """Unpack a file, or no more of it than shows that it is too large."""
    with archive.open(file) as opened:
        return opened.read(LARGEST + 1)


def _check_size(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise GenomeError(f"more than {LARGEST >> 20} MiB; that is no genome of Picbreeder")
    return data


class _Builder(ET.TreeBuilder):
    """Builds a document without a DTD, whose entities could grow without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise GenomeError("has a DOCTYPE, which Picbreeder never wrote; take it out")


def _parse(data: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 - it refuses a DTD, hence all entities
    try:
        parser.feed(data)
        root: ET.Element = parser.close()
    # ValueError and LookupError: an encoding that Python does not have.
    except (ET.ParseError, ValueError, LookupError) as error:
        if isinstance(error, GenomeError):
            raise
        raise GenomeError(f"not XML: {error}") from error
    return root


def _find_genome(root: ET.Element) -> ET.Element:
    found = [element for element in root.iter("genome") if element.find("nodes") is not None]
    if len(found) != 1:
        what = f"{len(found)} genomes" if found else "no <genome> that has <nodes>"
        raise GenomeError(f"holds {what}; give a file of one, as Picbreeder's rep.zip")
    return found[0]


def _read_node(element: ET.Element) -> Node:
    marking = _read_marking(element, "marking", "a node")
    where, kind = name_of(marking), element.get("type", "hidden")
    label = element.get("label", "").strip() if kind != "hidden" else ""
    known = {"in": INPUTS, "out": (*GREY, *COLOURS), "hidden": ("",)}.get(kind)
    if known is None:
        raise GenomeError(f"{where}: its type is {quoted(kind)}; known are in, hidden and out")
    if label not in known:
        raise GenomeError(
            f"{where}: there is no {'input' if kind == 'in' else 'output'} {quoted(label)}; "
            f"known are {', '.join(known)}"
        )
    activation = (element.findtext("activation") or "").strip().removesuffix("(x)")
    bias = _read_number(element.get("bias", "0"), f"{where}: its bias")
    return Node(marking, label, activation, bias)


def _read_link(element: ET.Element, known: Counter[Marking]) -> tuple[Marking, Marking, float]:
    ends = [_read_marking(element, end, "a link") for end in ("source", "target")]
    for end in ends:
        if end not in known:
            raise GenomeError(f"a link joins {name_of(end)}, which is not there")
    where = f"the link from {name_of(ends[0])} to {name_of(ends[1])}"
    return ends[0], ends[1], _read_number(element.findtext("weight") or "", f"{where}: its weight")


def _read_marking(element: ET.Element, name: str, owner: str) -> Marking:
    given = element.find(name)
    texts = [] if given is None else [given.get("branch", ""), given.get("id", "")]
    if not texts or not all(re.fullmatch(r"-?[0-9]{1,18}", text) for text in texts):
        raise GenomeError(f'{owner} without <{name} branch="NUMBER" id="NUMBER"/>')
    return int(texts[0]), int(texts[1])


def _read_number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise GenomeError(f"{what} is {quoted(text)}, not a finite number")
    return number


def _check_labels(genome: Picbreeder) -> None:
    labels = genome.labelled
    if "ink" in labels or all(label in labels for label in COLOURS):
        return
    absent = next(label for label in COLOURS if label not in labels)
    raise GenomeError(f"has neither the output 'ink' nor {absent!r}; a picture needs one or all")
