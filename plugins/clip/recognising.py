"""Photographs that a network should recognise by texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from neatfool import TargetError

from .texts import embed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.models import Tower

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


def with_right_names(names: Sequence[str]) -> dict[str, set[int]]:
    """Find the texts that photographs show: by photograph, their indices."""
    indices = {
        photograph: {index for index, name in enumerate(names) if _plain(name) in shown}
        for photograph, shown in NAMES.items()
    }
    return {photograph: right for photograph, right in indices.items() if right}


def is_checked(names: Sequence[str]) -> bool:
    """Tell whether names fit enough photographs for a check."""
    return len(with_right_names(names)) >= ENOUGH


def check_photographs(
    tower: Tower,
    look: Callable[[Sequence[str]], torch.Tensor],
    named: tuple[Sequence[str], torch.Tensor] | None = None,
) -> None:
    """Check that a network finds the right text for most photographs.

    Args:
        tower: The network; one that reads is asked for its own sentences.
        look: Gives unit vectors [N, D] of photographs, by their names.
        named: The texts of a network that does not read, and their unit vectors. Without names
            that fit there is no check.

    Raises:
        TargetError: It does not.
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


def _plain(name: str) -> str:
    return name.lower().removeprefix("a photo of ").removeprefix("a ").removeprefix("an ").strip()
