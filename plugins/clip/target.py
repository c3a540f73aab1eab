"""The target: images compared with texts, whose vectors a network reads or a file has."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from PIL.Image import Image
from safetensors.torch import load_file
from torch import nn

from neatfool import (
    ExperimentError,
    ImageSpec,
    Network,
    Scores,
    Target,
    TargetError,
    fit_photograph,
    models,
    nearest,
)
from neatfool.files import read_names

from . import Options

SENTENCES: Final = (
    "a photo of a cat",
    "a photo of a cup of coffee",
    "a photo of a rocket",
    "a photo of a man with a camera on a tripod",
    "a portrait of a woman in uniform",
)
"""What the photographs show, in their order, for a network that reads."""
NAMES: Final = {
    "cat": ("cat", "pet"),
    "coffee": ("coffee",),
    "rocket": ("rocket",),
    "tripod": ("camera", "photographer", "man", "person"),
    "uniform": ("uniform", "officer", "woman", "person"),
}
"""What texts may call them, besides ImageNet's names."""
ENOUGH: Final = 3
"""With names for fewer photographs there is no check; this many must be recognised."""


class Similarity(nn.Module):
    """A tower whose vectors are compared with those of texts.

    With s_k the cosine between an image's vector and that of text k, and T the temperature, the
    logits are s_k / T for each of K texts. If other texts compete, a last column has the logarithm
    of the sum of their exp(s_j / T), as if they were one class.
    """

    def __init__(self, tower: nn.Module, vectors: torch.Tensor, count: int) -> None:
        """Take a tower, and vectors [K + J, D] of length 1 / T of texts and those that compete."""
        super().__init__()
        self.tower = tower
        self.vectors: torch.Tensor
        self.register_buffer("vectors", vectors.t().contiguous())
        self._count = count
        self._compete = len(vectors) > count
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 out."""
        vectors = F.normalize(self.tower(images).float(), dim=-1)
        # Half precision would round a logit of 30 by 0.1.
        with torch.autocast(images.device.type, enabled=False):
            scaled = vectors @ self.vectors
        logits = scaled[:, : self._count]
        if self._compete:
            rivals = scaled[:, self._count :].logsumexp(1, keepdim=True)
            logits = torch.cat([logits, rivals], 1)
        return logits


class ClipTarget(Target):
    """A network, its ``tower``, that compares images with texts."""

    def __init__(self, options: Options) -> None:
        given = options.model_dump(include={"size", "mean", "std"})
        self.tower = models.load_tower(models.Request(options.images, key="images", **given))
        self.temperature = options.temperature or self.tower.temperature
        self._options = options
        known, self.texts = find_texts(options, self.tower)
        self.against = [name for name in known if name not in {*self.texts}]
        self.vectors = torch.stack([*known.values()])
        shown = self.tower.preprocessing
        classes = tuple(self.texts)
        module = Similarity(self.tower.module, self.vectors / self.temperature, len(classes))
        rivals = bool(self.against)
        self.spec = ImageSpec(*shown.size, 3, classes, array="torch", sums_to_one=not rivals)
        self._network = Network(
            module.requires_grad_(False),
            mean=shown.mean,
            std=shown.std,
            device=options.device,
            outputs="logits",
        )
        # onnxruntime is as fast as it can be, and computes no gradients.
        self.networks = [self._network] if self.tower.differentiable else []
        if self.tower.differentiable:
            self.logits_of = self._network.logits_of

    def score(self, images: torch.Tensor) -> Scores:
        """Score uint8 [N, 3, H, W]; the logits have a last column if other texts compete."""
        scores = self._network.score(images)
        return Scores(scores.probs[:, : len(self.spec.classes)], scores.logits)

    def describe(self) -> str:
        """Say what looks at images, and which texts it compares them with."""
        count, rivals = len(self.texts), len(self.against)
        shown = ", ".join(self.texts[:5]) + (", …" if count > 5 else "")
        rule = "Each text is a class"
        if rivals:
            rule += f"; {rivals} other texts compete"
        known = models.photographs_showing([*self.texts, *self.against], NAMES)
        check = "Checked on photographs."
        if self._options.vectors is not None and len(known) < ENOUGH:
            check = "Not checked on photographs: its texts are not what they show."
        if not self._options.check_photographs:
            check = "Not checked on photographs: check_photographs = no."
        return (
            f"{self.tower.name}: {self.tower.source}\n  {self.tower.preprocessing.describe()}\n"
            f"{count} texts: {shown}; temperature {self.temperature:.4g}. {rule}.\n{check}"
        )

    def fingerprint(self) -> str:
        """Hash the tower, the texts and the temperature."""
        tower, options = self.tower, self._options
        # A network's vectors of texts follow from its weights, but for rounding, on which no
        # resumed run should depend.
        network = tower.content, tower.preprocessing
        texts = self.texts, self.against, options.templates, self.temperature, "each"
        digest = sha256(repr((*network, *texts)).encode())
        for file in (options.vectors, options.vector_names):
            digest.update(b"" if file is None else file.read_bytes())
        return digest.hexdigest()

    def photographs(self) -> dict[str, Image]:
        """Give the photographs that show some of its classes, 300x300 pixels, by name."""
        return {
            each.name: each.open() for each in models.photographs_showing(self.spec.classes, NAMES)
        }

    def fit_photograph(self, photograph: Image) -> torch.Tensor:
        """Prepare a photograph as for the network's training, uint8 [3, H, W]."""
        return self.tower.preprocessing.prepare(photograph)

    def self_check(self) -> None:
        """Check the network on a few photographs."""
        if not self._options.check_photographs:
            return
        if self._options.vectors is None:
            # By chance, one in 150 finds four of the five photographs' own sentences.
            names, tries, needed = [*SENTENCES], 1, 4
            vectors = torch.stack([*embed(names, ["{}"], self.tower).values()])
            known = {photograph: {place} for place, photograph in enumerate(models.PHOTOGRAPHS)}
        else:
            names, vectors = [*self.texts, *self.against], self.vectors
            known, tries = models.photographs_showing(names, NAMES), min(2, len(names) - 1)
            needed = ENOUGH
            if len(known) < ENOUGH:
                return
        network = self._network
        images = torch.cat([fit_photograph(each.open(), self) for each in known])
        numbers = ((images.float() - network.mean) / network.std).to(network.device)
        with torch.inference_mode():
            looks = F.normalize(self.tower.module(numbers).float().cpu(), dim=-1)
        best = (looks @ vectors.t()).topk(tries).indices.tolist()
        doubt = "the vectors are those of another network's texts"
        models.check_recognised(self.tower, names, known, best, needed=needed, doubt=doubt)


def find_texts(options: Options, tower: models.Tower) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Find the unit vectors [D] of all texts, the classes' first, and the classes."""
    if options.vectors is None:
        names = [*options.texts, *options.against]
        return embed(names, options.templates, tower), options.texts
    known = read_vectors(options.vectors, options.vector_names)
    against = options.against
    texts = options.texts or [name for name in known if name not in {*against}]
    for name in (*texts, *against):
        if name not in known:
            raise ExperimentError(f"{options.vectors}: has no text {name!r}{nearest(name, known)}")
    if len(texts) + len(against) < 2:
        raise ExperimentError(f"{options.vectors}: no text is left to compete; name fewer 'texts'")
    width = len(known[texts[0]])
    if width != tower.width:
        raise TargetError(
            f"{options.vectors}: vectors of {width} numbers, but {tower.name} gives {tower.width}"
        )
    return {name: known[name] for name in (*texts, *against)}, texts


def embed(
    names: Sequence[str], templates: Sequence[str], tower: models.Tower
) -> dict[str, torch.Tensor]:
    """Let a network read texts: by text, the mean of the templates' unit vectors, of length 1."""
    assert tower.read is not None
    sentences = [template.replace("{}", name) for name in names for template in templates]
    with torch.inference_mode():
        parts = [
            F.normalize(tower.read(sentences[start : start + 64]).float(), dim=-1)
            for start in range(0, len(sentences), 64)
        ]
        means = torch.cat(parts).view(len(names), len(templates), -1).mean(1)
    return dict(zip(names, F.normalize(means, dim=-1).clone(), strict=True))


def read_vectors(path: Path, names: Path | None) -> dict[str, torch.Tensor]:
    """Read unit vectors by name, of safetensors, or of an npy file with names in another."""
    with models.reading(f"{path}: holds no vectors as .safetensors or .npy", "make it again"):
        if path.suffix == ".npy":
            rows = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
        else:
            vectors = load_file(path)
    if path.suffix == ".npy":
        vectors = dict(zip(_row_names(path, names, len(rows)), rows, strict=True))
    if len({tuple(vector.shape) for vector in vectors.values()}) != 1:
        raise TargetError(f"{path}: vectors differ in length, or there are none; make it again")
    for name, vector in vectors.items():
        length = vector.float().norm()
        if vector.ndim != 1 or not (torch.isfinite(length) and length > 0):
            raise TargetError(f"{path}: {name!r} is no vector with a direction; make it again")
    return {name: F.normalize(vector.float(), dim=-1) for name, vector in vectors.items()}


def _row_names(path: Path, names: Path | None, count: int) -> list[str]:
    if names is None:
        raise ExperimentError(
            f"{path}: an npy file has no names; give them for all rows with vector_names = FILE"
        )
    try:
        lines = read_names(names)
    except ValueError as error:
        raise ExperimentError(f"[target] vector_names = {error}") from error
    if len({*lines}) != count or len(lines) != count:
        raise ExperimentError(
            f"[target] vector_names = {names}: has {len(lines)} names, {len({*lines})} of them "
            f"different, for {count} vectors; write a different one for each row"
        )
    return lines
