"""Fooling Images 2: eleven thousand meaningless images, each a formula that is drawn at any size.

For example::

    data = FoolingImages(size=224, tier="blind", mode="RGB", transform=to_tensor)
    image, label = data[0]

pytorch-ood takes it as an out-of-distribution data set: its labels are -1.
"""

from __future__ import annotations

import csv
import json
import lzma
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import torch
from PIL import Image
from pydantic import TypeAdapter

from neatfool import ImageSpec
from neatfool_plugins.cppn import CppnEncoding, Options

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["FIELDS", "FoolingImages", "Record", "Tier", "write_openood"]

Tier = Literal["blind", "views", "detectors"]
UNKNOWN: Final = -1
"""The label of each image: no class that a classifier knows."""
_DATA: Final = files(__package__)


class Record(NamedTuple):
    """What is known of an image; :data:`FIELDS` describes each field."""

    id: str
    tier: Tier
    network: str
    data: str
    index: int
    name: str
    confidence: float
    near: bool
    named_by: float
    jpeg: float
    blur: float
    moved: float
    look: str
    width: int
    height: int
    seed: int
    candidate: int
    generation: int
    founder: int
    steps: int


FIELDS: Final = {
    "id": "what it is called, also as a file",
    "tier": "`blind`: evolved for the network as it is; `views`: through random views (moved, "
    "turned, blurred, in other light, compressed); `detectors`: against a detector in front of it",
    "network": "the network that it fools",
    "data": "what the network was trained on, which says what its classes are",
    "index": "the number of the class that the network sees, from 0",
    "name": "the name of that class",
    "confidence": "how sure the network is, from 0.5 to 1: scored again from this formula",
    "near": "whether at least half of the judges name the class, too: networks of other families "
    "(ImageNet, MNIST), or the other networks of the same classes; of ImageNet's, a related class "
    "counts",
    "named_by": "the share of the judges that do",
    "jpeg": "the confidence after JPEG compression of quality 75",
    "blur": "the confidence after a Gaussian blur of 1 pixel of 224",
    "moved": "the confidence after a move by 3 pixels of 224, at least 1, to the right and down",
    "look": "how the formula is drawn: a key of looks.json",
    "width": "the width of the network's images, in pixels",
    "height": "their height",
    "seed": "the seed of the search",
    "candidate": "its number in the search",
    "generation": "the generation that it was born in, from 0",
    "founder": "the number of the random individual that its line began with",
    "steps": "how many births lie between the two",
}
"""What the columns of images.csv, which are the fields of a :class:`Record`, mean."""


@cache
def _read_all() -> tuple[tuple[Record, ...], tuple[dict[str, Any], ...]]:
    with (_DATA / "images.csv").open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    assert tuple(names) == Record._fields
    text = lzma.decompress((_DATA / "genomes.jsonl.xz").read_bytes()).decode()
    records = TypeAdapter(tuple[Record, ...]).validate_python(rows)
    return records, tuple(map(json.loads, text.splitlines()))


@cache
def _encoding(look: str) -> CppnEncoding:
    about = json.loads((_DATA / "looks.json").read_text(encoding="utf-8"))[look]
    height, width, channels = about["size"]
    spec = ImageSpec(height, width, channels, ("0", "1"))
    return CppnEncoding(Options(**about["encoding"]), spec=spec)


class FoolingImages(torch.utils.data.Dataset[tuple[Any, Any]]):
    """The images as a data set of PyTorch: each is a picture, and the label -1.

    Args:
        size: (height, width) in pixels, or one number for both, at which the formulas are drawn.
            If absent, each is drawn at the size of the network that it fools.
        tier: Only those that were evolved ``blind`` (for one network, as it is), through random
            ``views`` (moved, turned, blurred, in other light, compressed), or against
            ``detectors`` in front of the network.
        network: Only those of this network.
        data: Only those of networks with these classes: ``ImageNet``, ``CIFAR-10``, ``MNIST`` …
        near: Only those whose class at least half of the judges name, too (True), or fewer (False).
        least: Only those of which the network is at least so sure, from 0.5.
        mode: What pictures are turned into, such as ``"RGB"``; as they are, those of MNIST's
            networks are ``"L"``.
        transform: Called with a PIL image, as in torchvision.
        target_transform: Called with the label.

    Raises:
        ValueError: No image fits.
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        *,
        tier: Tier | None = None,
        network: str | None = None,
        data: str | None = None,
        near: bool | None = None,
        least: float = 0.5,
        mode: str | None = None,
        transform: Callable[[Image.Image], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        records, genomes = _read_all()
        wanted = {"tier": tier, "network": network, "data": data, "near": near}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        chosen = [
            place
            for place, record in enumerate(records)
            if record.confidence >= least
            and all(getattr(record, name) == value for name, value in wanted.items())
        ]
        if not chosen:
            known = {name: sorted({str(getattr(r, name)) for r in records}) for name in wanted}
            surest = max(record.confidence for record in records)
            asked = f"{wanted}, least {least:g}; there are {known}, the surest with {surest:g}"
            raise ValueError(f"no image fits {asked}")
        self.records = [records[place] for place in chosen]
        self._genomes = [genomes[place] for place in chosen]
        self._size = (size, size) if isinstance(size, int) else size
        if self._size is not None and (len(self._size) != 2 or min(self._size) < 1):
            raise ValueError(f"size {size!r}: give (height, width) or one number, at least 1")
        self._mode, self._transform, self._target_transform = mode, transform, target_transform

    def __len__(self) -> int:
        """Count the images."""
        return len(self.records)

    def __getitem__(self, place: int) -> tuple[Any, Any]:
        """Draw an image."""
        image = self.draw(place)
        image = image if self._mode is None else image.convert(self._mode)
        label = UNKNOWN if self._target_transform is None else self._target_transform(UNKNOWN)
        return (image if self._transform is None else self._transform(image)), label

    def draw(self, place: int, size: tuple[int, int] | None = None) -> Image.Image:
        """Draw an image at any size (height, width)."""
        record = self.records[place]
        height, width = size or self._size or (record.height, record.width)
        encoding = _encoding(record.look)
        genome = encoding.loads(json.dumps(self._genomes[place]["genome"]))
        pixels = encoding.render_at(genome, height, width).numpy()
        return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))

    def graph(self, place: int) -> nx.DiGraph:
        """Give an image's CPPN as a graph of networkx."""
        encoding = _encoding(self.records[place].look)
        found = encoding.graph(encoding.loads(json.dumps(self._genomes[place]["genome"])))
        assert found is not None
        return found

    def lineage(self, place: int) -> list[int]:
        """Give the numbers of an image's ancestors in its run, from the founder to itself."""
        return list(self._genomes[place]["lineage"])


def write_openood(folder: Path, data: FoolingImages) -> Path:
    """Write images as PNGs, and ``imglist.txt`` as OpenOOD's ``ImglistDataset`` reads it.

    Returns:
        The list: a line ``FILE -1`` for each image, relative to the folder.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for place, record in enumerate(data.records):
        file = f"images/{record.id}.png"
        data[place][0].save(folder / file)
        lines.append(f"{file} {UNKNOWN}\n")
    listed = folder / "imglist.txt"
    listed.write_text("".join(lines), encoding="utf-8")
    return listed
