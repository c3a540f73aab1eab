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


def check_by_sentences(tower: Tower, look: Callable[[Sequence[str]], torch.Tensor]) -> None:
    """Check that a network finds the right sentence for most photographs.

    Args:
        tower: A network that reads.
        look: Gives unit vectors [N, D] of photographs, by their names.

    Raises:
        TargetError: It does not.
    """
    sentences = torch.stack([*embed([*SENTENCES.values()], ["{}"], tower).values()])
    answers = (look([*SENTENCES]) @ sentences.t()).argmax(1).tolist()
    wrong = [
        f"{name} (it said {[*SENTENCES.values()][index]!r})"
        for place, (name, index) in enumerate(zip(SENTENCES, answers, strict=True))
        if place != index
    ]
    if len(SENTENCES) - len(wrong) < RECOGNISED:
        raise _error(tower, len(SENTENCES), wrong, RECOGNISED)


def check_by_names(
    tower: Tower,
    look: Callable[[Sequence[str]], torch.Tensor],
    names: Sequence[str],
    vectors: torch.Tensor,
) -> None:
    """Check that a network gives most photographs a name that fits, if there are such names.

    Raises:
        TargetError: It does not.
    """
    if not is_checked(names):
        return
    known = with_right_names(names)
    tries = min(TRIES, len(names) - 1)
    answers = (look([*known]) @ vectors.t()).topk(tries).indices.tolist()
    wrong = [
        f"{photograph} (it said {names[best[0]]!r})"
        for (photograph, right), best in zip(known.items(), answers, strict=True)
        if right.isdisjoint(best)
    ]
    if len(known) - len(wrong) < ENOUGH:
        raise _error(tower, len(known), wrong, ENOUGH)


def _plain(name: str) -> str:
    return name.lower().removeprefix("a photo of ").removeprefix("a ").removeprefix("an ").strip()


def _error(tower: Tower, count: int, wrong: Sequence[str], needed: int) -> TargetError:
    return TargetError(
        f"clip: {tower.name} recognised {count - len(wrong)} of {count} photographs; at least "
        f"{needed} are needed. Not: {', '.join(wrong)}. These are not its weights, or the vectors "
        "are those of another network's texts, or images are not scaled as when it was trained "
        f"({tower.preprocessing.describe()}). If all of that is right, set [target] "
        "check_photographs = no"
    )
