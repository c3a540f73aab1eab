"""A tiny encoding, target and scheme, to test a plugin with or to learn from.

This module is itself a plugin, which registers all three under the name ``toy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from neatfool.plugin.hookspecs import Register, hookimpl
from neatfool.spec.archive import Archive, Candidate, GenomeSize, Replacement
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.scores import Scores
from neatfool.spec.seeds import derive_seed
from neatfool.spec.target import Target

if TYPE_CHECKING:
    import torch

    from neatfool.evolution.assembly import Assembly

TOY_SPEC = ImageSpec(height=4, width=4, channels=1, classes=("a", "b", "c", "d", "e"))
"""The default spec of :class:`ToyTarget`."""

ToyGenome = tuple[float, ...]


class _GenomeText(BaseModel):
    format: Literal["toy/1"] = "toy/1"
    numbers: list[Annotated[float, Field(ge=0, le=1)]]


class ToyEncoding(Encoding[ToyGenome]):
    """A genome has one number in [0, 1] for each pixel.

    A child takes each number from any of its parents, and changes a quarter of them a little.
    """

    def __init__(self, spec: ImageSpec = TOY_SPEC, *, parents: int = 1) -> None:
        """Take the images' spec, and how many parents a child has, 1 or 2."""
        self.parents = parents
        self._shape = spec.shape

    def create(self, seeds: Sequence[int]) -> list[ToyGenome]:
        """Make genomes of uniformly random numbers."""
        count = int(np.prod(self._shape))
        return [tuple(np.random.default_rng(seed).random(count).tolist()) for seed in seeds]

    def breed(
        self, parent_groups: Sequence[Sequence[ToyGenome]], seeds: Sequence[int]
    ) -> list[ToyGenome]:
        """Mix the parents' numbers and mutate a quarter of them."""
        children = []
        for parent_group, seed in zip(parent_groups, seeds, strict=True):
            rng, parents, length = (
                np.random.default_rng(seed),
                np.array(parent_group),
                len(parent_group[0]),
            )
            numbers = parents[rng.integers(len(parents), size=length), np.arange(length)]
            moves = rng.normal(0, 0.2, length) * (rng.random(length) < 0.25)
            children.append(tuple(np.clip(numbers + moves, 0, 1).tolist()))
        return children

    def from_images(self, images: torch.Tensor) -> list[ToyGenome]:
        """Write images, uint8 [N, C, H, W], as genomes."""
        return [tuple((image.flatten() / 255).tolist()) for image in images.double().cpu()]

    def parameters(self, genomes: Sequence[ToyGenome]) -> list[np.ndarray]:
        """Give the numbers."""
        return [np.array(genome) for genome in genomes]

    def with_parameters(
        self, genomes: Sequence[ToyGenome], parameters: Sequence[np.ndarray]
    ) -> list[ToyGenome]:
        """Make genomes of other numbers."""
        return [tuple(np.clip(numbers, 0, 1).tolist()) for numbers in parameters]

    def parameter_gradients(
        self, genomes: Sequence[ToyGenome], gradients: np.ndarray
    ) -> list[np.ndarray]:
        """Give gradients by pixels as gradients by numbers."""
        many, count = gradients.shape[:2]
        by_number = 255 * gradients.astype(np.float64).reshape(many, count, -1)
        return list(by_number.transpose(1, 0, 2))

    def render(self, genomes: Sequence[ToyGenome]) -> torch.Tensor:
        """Render at the target's size."""
        import torch

        pixels = np.array(genomes).reshape(len(genomes), *self._shape)
        return torch.from_numpy(np.rint(pixels * 255).astype(np.uint8))

    def render_at(
        self,
        genome: ToyGenome,
        height: int,
        width: int,
        box: tuple[int, int, int, int] | None = None,
    ) -> torch.Tensor:
        """Render at any size; each pixel takes the nearest number."""
        left, top, right, bottom = box or (0, 0, width, height)
        rows = np.arange(top, bottom) * self._shape[1] // height
        columns = np.arange(left, right) * self._shape[2] // width
        return self.render([genome])[0][:, rows][:, :, columns]

    def dumps(self, genome: ToyGenome) -> str:
        """Write a genome as JSON."""
        return _GenomeText(numbers=[*genome]).model_dump_json()

    def loads(self, text: str) -> ToyGenome:
        """Read what ``dumps`` wrote.

        Raises:
            ValueError: The text is not a genome of this size.
        """
        genome = tuple(_GenomeText.model_validate_json(text, strict=True).numbers)
        if len(genome) != np.prod(self._shape):
            raise ValueError(f"not a toy genome: it does not have {np.prod(self._shape)} numbers")
        return genome

    def distance(self, a: ToyGenome, b: ToyGenome) -> float:
        """Give the mean difference of the numbers."""
        return float(np.abs(np.subtract(a, b)).mean())

    def size(self, genome: ToyGenome) -> GenomeSize:
        """Count the numbers as nodes."""
        return GenomeSize(nodes=len(genome), connections=0)


class ToyTarget(Target):
    """A linear classifier with fixed random weights, which takes some search to fool."""

    def __init__(self, spec: ImageSpec = TOY_SPEC) -> None:
        """Make weights for the images and classes of a spec."""
        self.spec = spec
        draw = np.random.default_rng(len(spec.classes))
        self._weights = draw.normal(0, 2, (int(np.prod(spec.shape)), len(spec.classes)))

    def score(self, images: Any) -> Scores:
        """Score uint8 [N, C, H, W]."""
        pixels = np.asarray(images).reshape(len(images), -1) / 255 - 0.5
        # Row by row, because the bits of a matrix product may depend on its number of rows.
        logits = np.stack([row @ self._weights for row in pixels])
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return Scores(weights / weights.sum(1, keepdims=True), logits)

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits for torch to differentiate."""
        import torch

        return (images.flatten(1).double() / 255 - 0.5) @ torch.from_numpy(self._weights)


class ToyScheme(Scheme):
    """Breeds each candidate from a random elite, and offers it to every niche."""

    def __init__(
        self, encoding: Encoding[Any], spec: ImageSpec = TOY_SPEC, seed: int = 1, *, batch: int = 8
    ) -> None:
        self.batch = batch
        self.archive = Archive.of(spec)
        self._encoding = encoding
        self._seed = seed
        self._generation = 0

    def ask(self) -> list[Candidate]:
        """Make random candidates first, then children of elites."""
        first = self._generation * self.batch
        return [self._candidate(id_) for id_ in range(first, first + self.batch)]

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Offer every candidate to every niche."""
        self._generation += 1
        return self.archive.offer(candidates, scores)

    def members(self) -> Sequence[Candidate]:
        """Give none: only elites are parents."""
        return ()

    def state(self) -> int:
        """Give the number of generations so far."""
        return self._generation

    def restore(self, state: int, candidates: Mapping[int, Candidate]) -> None:
        """Restore what :meth:`state` gave."""
        self._generation = state

    def _candidate(self, id_: int) -> Candidate:
        held = sorted(self.archive.candidates)
        seed = derive_seed(self._seed, "breed", id_)
        if not held:
            (genome,) = self._encoding.create([seed])
            return Candidate(id_, genome, (), self._generation)
        draw = np.random.default_rng(derive_seed(self._seed, "parent", id_))
        parent = self.archive.candidates[held[draw.integers(len(held))]]
        (genome,) = self._encoding.breed([[parent.genome]], [seed])
        return Candidate(id_, genome, (parent.id,), self._generation)


@hookimpl
def neatfool_register_targets(register: Register) -> None:
    """Offer the tiny target."""
    register("toy", lambda options: ToyTarget())


@hookimpl
def neatfool_register_encodings(register: Register) -> None:
    """Offer the tiny encoding."""
    register("toy", lambda options, *, spec: ToyEncoding(spec))


@hookimpl
def neatfool_register_schemes(register: Register) -> None:
    """Offer the tiny scheme."""
    register("toy", lambda options, *, encoding, spec, seed: ToyScheme(encoding, spec, seed))


def assemble_toys(folder: Path, generations: int, seed: int = 1) -> Assembly:
    """Assemble a run of the tiny plugins, whose experiment is written into a folder."""
    from neatfool.evolution.assembly import assemble
    from neatfool.experiment.experiment import load_experiment

    parts = "".join(f"[{kind}]\nplugin = toy\n" for kind in ("encoding", "scheme", "target"))
    (folder / "toy.ini").write_text(
        f"[experiment]\nname = toy\ngenerations = {generations}\nseed = {seed}\n"
        f"[plugins]\npath = {Path(__file__)}\n{parts}batch_size = 4\n",
        encoding="utf-8",
    )
    return assemble(load_experiment(folder / "toy.ini"))
