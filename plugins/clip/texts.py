"""The texts' vectors, read by a network or from a file, and a check of both on photographs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file

from neatfool import ExperimentError, TargetError, nearest
from neatfool.files import read_names
from neatfool.models import Tower

from . import Options

SENTENCES: Final = {
    "cat": "a photo of a cat",
    "coffee": "a photo of a cup of coffee",
    "rocket": "a photo of a rocket",
    "tripod": "a photo of a man with a camera on a tripod",
    "uniform": "a portrait of a woman in uniform",
}
"""What the photographs show, for a network that reads."""
NAMES: Final = {
    "cat": {"cat", "tabby", "pet"},
    "coffee": {"coffee", "cup", "coffee mug", "espresso"},
    "rocket": {"rocket", "missile"},
    "tripod": {"tripod", "camera", "photographer", "man", "person"},
    "uniform": {"uniform", "military uniform", "officer", "woman", "person"},
}
"""What texts with ready-made vectors may call it."""
RECOGNISED: Final = 4
"""A network that reads must find so many of the five photographs' own sentences. By chance, one in
150 does."""
TRIES: Final = 2
"""A name that fits must be among this many of the likeliest texts."""
ENOUGH: Final = 3
"""With names for fewer photographs there is no check; this many must be recognised."""
AT_A_TIME: Final = 64
"""Sentences that a network reads together."""


def find_texts(options: Options, tower: Tower) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Find the unit vectors [D] of all texts, the classes' first, and the classes."""
    if options.vectors is None:
        names = [*options.texts, *options.against]
        return embed(names, options.templates, tower), options.texts
    known = read_vectors(options.vectors, options.vector_names)
    against = options.against
    texts = options.texts or [name for name in known if name not in {*against}]
    if options.aggregate == "all" and not against:
        against = [name for name in known if name not in {*texts}]
    for name in (*texts, *against):
        if name not in known:
            raise ExperimentError(f"{options.vectors}: has no text {name!r}{nearest(name, known)}")
    if not against and (options.aggregate == "all" or len(texts) < 2):
        raise ExperimentError(f"{options.vectors}: no text is left to compete; name fewer 'texts'")
    width = len(known[texts[0]])
    if width != tower.width:
        raise TargetError(
            f"{options.vectors}: vectors of {width} numbers, but {tower.name} gives {tower.width}"
        )
    return {name: known[name] for name in (*texts, *against)}, texts


def embed(names: Sequence[str], templates: Sequence[str], tower: Tower) -> dict[str, torch.Tensor]:
    """Let a network read texts: by text, the mean of the templates' unit vectors, of length 1."""
    assert tower.read is not None
    sentences = [template.replace("{}", name) for name in names for template in templates]
    with torch.inference_mode():
        parts = [
            F.normalize(tower.read(sentences[start : start + AT_A_TIME]).float(), dim=-1)
            for start in range(0, len(sentences), AT_A_TIME)
        ]
        means = torch.cat(parts).view(len(names), len(templates), -1).mean(1)
    return dict(zip(names, F.normalize(means, dim=-1).clone(), strict=True))


def read_vectors(path: Path, names: Path | None) -> dict[str, torch.Tensor]:
    """Read unit vectors by name, of safetensors, or of an npy file with names in another."""
    if path.suffix == ".npy":
        vectors = _read_npy(path, names)
    elif path.suffix != ".safetensors":
        raise ExperimentError(
            f"[target] vectors = {path}: give one that ends in .safetensors or .npy"
        )
    elif names is not None:
        raise ExperimentError(f"[target] vector_names: {path} has names of its own; leave it out")
    else:
        try:
            vectors = load_file(path)
        except SafetensorError as error:
            raise TargetError(f"{path}: not a safetensors file ({error}); make it again") from error
    shapes = {tuple(vector.shape) for vector in vectors.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        sizes = ", ".join(str([*shape]) for shape in sorted(shapes)[:3]) or "nothing"
        raise TargetError(f"{path}: holds tensors of shape {sizes}; give vectors of one length")
    for name, vector in vectors.items():
        length = vector.float().norm()
        if not (torch.isfinite(length) and length > 0):
            raise TargetError(f"{path}: the vector of {name!r} has no direction; make it again")
    return {name: F.normalize(vector.float(), dim=-1) for name, vector in vectors.items()}


def _read_npy(path: Path, names: Path | None) -> dict[str, torch.Tensor]:
    if names is None:
        raise ExperimentError(
            f"{path}: an npy file has no names; give them for all rows with vector_names = FILE"
        )
    try:
        rows = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
    except Exception as error:  # numpy raises many kinds
        raise TargetError(f"{path}: not an npy file of numbers ({error}); make it again") from error
    try:
        lines = read_names(names)
    except ValueError as error:
        raise ExperimentError(f"[target] vector_names = {error}") from error
    if len(lines) != len(rows) or len({*lines}) < len(lines):
        raise ExperimentError(
            f"[target] vector_names = {names}: has {len(lines)} names, {len({*lines})} of them "
            f"different, for {len(rows)} vectors; write a different one for each row"
        )
    return dict(zip(lines, rows, strict=True))


def with_right_names(names: Sequence[str]) -> dict[str, set[int]]:
    """Find the texts that photographs show: by photograph, their indices."""
    plain = [
        name.lower().removeprefix("a photo of ").removeprefix("a ").removeprefix("an ").strip()
        for name in names
    ]
    found = {
        photograph: {index for index, name in enumerate(plain) if name in shown}
        for photograph, shown in NAMES.items()
    }
    return {photograph: right for photograph, right in found.items() if right}


def check_photographs(
    tower: Tower,
    look: Callable[[Sequence[str]], torch.Tensor],
    named: tuple[Sequence[str], torch.Tensor] | None = None,
) -> None:
    """Check that a network finds the right text for most photographs.

    One that reads is asked for its own sentences, another for the texts that are ``named``, if
    enough of them fit.
    """
    if named is None:
        names, tries, needed = [*SENTENCES.values()], 1, RECOGNISED
        vectors = torch.stack([*embed(names, ["{}"], tower).values()])
        known = {name: {place} for place, name in enumerate(SENTENCES)}
    else:
        names, vectors = [*named[0]], named[1]
        known, tries, needed = with_right_names(names), min(TRIES, len(names) - 1), ENOUGH
        if len(known) < ENOUGH:
            return
    answers = (look([*known]) @ vectors.t()).topk(tries).indices.tolist()
    wrong = [
        f"{photograph} (it said {names[best[0]]!r})"
        for (photograph, right), best in zip(known.items(), answers, strict=True)
        if right.isdisjoint(best)
    ]
    if len(known) - len(wrong) < needed:
        raise TargetError(
            f"clip: {tower.name} recognised {len(known) - len(wrong)} of {len(known)} photographs; "
            f"at least {needed} are needed. Not: {', '.join(wrong)}. These are not its weights, or "
            "the vectors are those of another network's texts, or images are not scaled as when it "
            f"was trained ({tower.preprocessing.describe()}). If all of that is right, set "
            "[target] check_photographs = no"
        )
