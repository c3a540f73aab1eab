"""Candidates of a run, for reading: elites and their ancestors."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Callable
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from neatfool.errors import ExperimentError, RunError, quoted
from neatfool.files import Json
from neatfool.run.folder import IMAGES
from neatfool.run.images import decode_png, encode_png, from_pillow, image_name, to_pillow
from neatfool.run.schema import StoredCandidate, StoredElite
from neatfool.run.sqlite import damaged
from neatfool.run.store import RunStore
from neatfool.spec.archive import GenomeSize
from neatfool.spec.image_spec import ImageSpec

if TYPE_CHECKING:
    import networkx as nx

    from neatfool.run.record import RunRecord

SMALLEST_SHOWN: Final = 128
"""A notebook shows images at least this many pixels wide: smaller ones are hard to see."""


def load_genome(store: RunStore, loads: Callable[[str], Any], stored: StoredCandidate) -> Any:
    """Read a candidate's genome with the encoding's ``loads``."""
    try:
        return loads(stored.genome)
    except ValueError as error:
        raise damaged(store.path, f"the genome of candidate {stored.id}: {error}") from error


def height_width(spec: ImageSpec, size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Turn the pixels of the longer side, (height, width) or None into (height, width)."""
    longer = max(spec.height, spec.width) if size is None else size
    if isinstance(longer, Real):
        scale = longer / max(spec.height, spec.width)
        size = min(longer, max(1, spec.height * scale)), min(longer, max(1, spec.width * scale))
    try:
        height, width = (round(side) for side in size)  # type: ignore[union-attr]
    except (TypeError, ValueError, OverflowError):
        fault = f"the size {quoted(str(size))} is none"
        advice = "give the pixels of the longer side, or (height, width)"
        raise ExperimentError(f"{fault}; {advice}") from None
    if height < 1 or width < 1:
        raise ExperimentError(f"an image of {height} x {width} pixels: both must be >= 1")
    return height, width


class Individual:
    """A stored candidate; its genome is loaded when it is first used."""

    def __init__(self, run: RunRecord, stored: StoredCandidate) -> None:
        self.run = run
        self.candidate_id = stored.id
        self.generation = stored.generation
        self.parents = stored.parents
        self.size: GenomeSize = stored.size
        self._stored = stored
        self._spec = run.spec

    @cached_property
    def genome(self) -> Any:
        """The genome; it equals the one that was bred."""
        return load_genome(self.run.store, self.run.encoding.loads, self._stored)

    @property
    def genome_text(self) -> str:
        """The genome as the text that the run's encoding wrote."""
        return self._stored.genome

    def graph(self) -> nx.DiGraph:
        """Give the genome as a graph; RunError if the encoding's genomes are none."""
        if (graph := self.run.encoding.graph(self.genome)) is None:
            raise self._unlike("genomes of encoding {} are not graphs")
        return graph

    def _unlike(self, fault: str) -> RunError:
        encoding = self.run.experiment["encoding"]["plugin"]
        return RunError(f"{self.run.path}: {fault.format(repr(encoding))}")

    def picture(self) -> Any:
        """Give the picture of a CPPN; RunError if the encoding's genomes are none.

        It is a :class:`neatfool.cppn.Picture`, which :func:`neatfool.cppn.write` writes for other
        programs.
        """
        if (picture := self.run.encoding.picture(self.genome)) is None:
            raise self._unlike("what encoding {} draws cannot be written as a program")
        return picture

    def pixels(
        self,
        size: int | tuple[int, int] | None = None,
        box: tuple[int, int, int, int] | None = None,
        *,
        sharp: bool = False,
    ) -> np.ndarray:
        """Render the genome.

        Args:
            size: Pixels of the longer side, or (height, width); the target's size if absent.
            box: (left, top, right, bottom), the part of that image to render; all of it if absent.
            sharp: Whether to draw twice the detail. It is then another picture than the one that
                was scored.

        Returns:
            uint8 [C, H, W].

        Raises:
            RunError: The encoding has no band limit.
        """
        height, width = self.height_width(size)
        encoding = self.run.encoding
        if sharp:
            encoding = encoding.in_focus(0.5)
            if encoding is self.run.encoding:
                raise self._unlike("images of encoding {} have no band limit; leave sharp out")
        rendered: np.ndarray = encoding.render_at(self.genome, height, width, box).numpy()
        return rendered

    def image(self, size: int | tuple[int, int] | None = None) -> Image.Image:
        """Render the genome at a size (see :meth:`pixels`), as a Pillow image."""
        return to_pillow(self.pixels(size))

    @property
    def caption(self) -> str:
        """The caption of its image in a notebook."""
        return f"generation {self.generation}"

    def _repr_html_(self) -> str:
        data, alt = b64encode(encode_png(from_pillow(self.image()))).decode(), "evolved image"
        return (
            f'<figure style="margin:0"><img src="data:image/png;base64,{data}" alt="{alt}" '
            f'style="image-rendering:pixelated;min-width:{SMALLEST_SHOWN}px">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )

    def height_width(self, size: int | tuple[int, int] | None) -> tuple[int, int]:
        """Turn a size (see :meth:`pixels`) into (height, width)."""
        return height_width(self._spec, size)


class Ancestor(Individual):
    """A candidate in a line of ancestors.

    Attributes:
        candidate_id: Its id.
        generation: The generation it was bred in.
        parents: The ids of its parents, fittest first.
        size: Its nodes and connections.
    """

    @cached_property
    def _won(self) -> tuple[int, float, float] | None:
        return next(iter(self.run.store.won(self.candidate_id)), None)

    @property
    def name(self) -> str | None:
        """The class that it was best at when it became an elite; None if it never did."""
        return self._spec.classes[self._won[0]] if self._won else None

    @property
    def score(self) -> float | None:
        """The score in that class; see :class:`EliteView`."""
        return self._won[1] if self._won else None

    @property
    def confidence(self) -> float | None:
        """The same, by the name that a classifier's score has."""
        return self.score

    @property
    def rank(self) -> float | None:
        """The rank in that class; see :class:`EliteView`."""
        return self._won[2] if self._won else None

    @property
    def caption(self) -> str:
        """Its generation, its best class and the score in that."""
        if self._won is None:
            return f"{super().caption}: never an elite"
        return f"{super().caption}: {self.name} {self._spec.format_score(*self._won[1:])}"

    def __repr__(self) -> str:
        return f"<ancestor of {self.caption}>"


class EliteView(Individual):
    """An elite of a run.

    Attributes:
        index: The index of its class.
        name: The name of its class.
        score: What the target gave the class for exactly this PNG: its confidence, a probability;
            or any real number, if the target is an objective.
        rank: The number that selection compared: the log-odds of the class if the target gives
            logits (they differ even if confidences round to 1), else the score.
        candidate_id: Its candidate's id.
        generation: The generation it was bred in.
        parents: The ids of its parents, fittest first.
        size: Its nodes and connections.
    """

    def __init__(self, run: RunRecord, elite: StoredElite, stored: StoredCandidate) -> None:
        super().__init__(run, stored)
        self.index = elite.class_index
        self.name = run.classes[elite.class_index]
        self.score = elite.score
        self.rank = elite.rank

    @property
    def confidence(self) -> float:
        """The same as ``score``, by the name that a classifier's score has."""
        return self.score

    @property
    def measures(self) -> tuple[float, ...]:
        """Its measures, if the target is an objective with a grid; none if it was replaced."""
        return self.run.store.measures(self.candidate_id)

    def describe_measures(self) -> dict[str, str]:
        """Write its measures by their names: ``{"brightness": "0.31"}``."""
        pairs = zip(self._spec.grid, self.measures if self._spec.grid else (), strict=False)
        return {axis.name: f"{value:.3g}" for axis, value in pairs}

    @property
    def png(self) -> bytes:
        """The image that was scored, as the PNG that is saved."""
        png = self.run.store.image(self.candidate_id)
        # If the elite was replaced since, its image is deleted; its genome draws the same one.
        return encode_png(self.pixels()) if png is None else png

    @property
    def top(self) -> list[tuple[str, float]]:
        """The classes in which the target scored this PNG highest, with its scores.

        The highest come first; its own class need not be one of them. There is none if it was
        replaced since, or if the target has a grid.
        """
        top = self.run.store.top(self.candidate_id)
        return [(self._spec.classes[number], score) for number, score in top]

    @property
    def rejected(self) -> bool:
        """Whether the target is surest that nothing is there: of a class of ``spec.nothing``."""
        nothing = self._spec.nothing
        return bool(nothing) and any(name in nothing for name, _ in self.top[:1])

    @property
    def top1(self) -> bool | None:
        """Whether its class is top-1 for this PNG: none is likelier. None without :attr:`top`."""
        top = self.run.store.top(self.candidate_id)
        return dict(top).get(self.index, -np.inf) >= top[0][1] if top else None

    @property
    def file(self) -> Path:
        """The image's file in the run folder."""
        spec = self._spec
        name = image_name(self.index, self.name, len(spec.classes), open_ended=spec.open)
        return self.run.path / IMAGES / name

    def image(self, size: int | tuple[int, int] | None = None) -> Image.Image:
        """Give the image that was scored, or render the genome anew at a size."""
        return to_pillow(self.saved_pixels() if size is None else self.pixels(size))

    def saved_pixels(self) -> np.ndarray:
        """Give the image that was scored, uint8 [C, H, W].

        Raises:
            RunError: The saved image is damaged.
        """
        try:
            pixels = decode_png(self.png)
        except ValueError as error:
            raise self.damaged(error) from error
        if pixels.shape != self._spec.shape:
            raise self.damaged(ValueError(f"it is {pixels.shape}, not {self._spec.shape}"))
        return pixels

    def damaged(self, error: ValueError) -> RunError:
        """Make the error for a recorded image that cannot be read."""
        return damaged(self.run.store.path, f"the image of {self.name!r}: {error}")

    def summary(self) -> dict[str, Json]:
        """Describe it as ``neatfool show --json`` does."""
        return {
            "name": self.name,
            "index": self.index,
            self._spec.score_name: self.score,
            "generation": self.generation,
            "genome": self.candidate_id,
            "nodes": self.size.nodes,
            "connections": self.size.connections,
            "image": str(self.file.relative_to(self.run.path)),
        }

    @property
    def caption(self) -> str:
        """Its class and its score."""
        return f"{self.name} {self._spec.format_score(self.score, self.rank)}"

    def __repr__(self) -> str:
        score = self._spec.format_score(self.score, self.rank)
        return f"<elite of {self.name!r}: {self._spec.score_name} {score}>"
