"""The detectors' names, and what each looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import nearest

if TYPE_CHECKING:
    from .answers import Needs

NEEDS: Final[dict[str, Needs]] = {
    "msp": "probabilities",
    "max_logit": "logits",
    "energy": "logits",
    "entropy": "probabilities",
    "gen": "probabilities",
    "knn": "features",
    "mahalanobis": "features",
    "vim": "features",
}
"""What neatfool's own detectors look at."""
DETECTORS: Final = (*NEEDS,)
"""The names of neatfool's own detectors."""
ELSEWHERE: Final = "pytorch-ood:"
"""What comes before the name of a detector of the package pytorch-ood."""

OF_COVARIANCE: Final = {"mahalanobis", "vim", "rmd", "multimahalanobis"}
"""Detectors that learn in which directions features vary, here and in pytorch-ood, in small
letters: with fewer images than features, they do not see most of them."""


def check_name(name: str) -> None:
    """Check that there is a detector of a name.

    Raises:
        ValueError: There is none.
    """
    if name.startswith(ELSEWHERE):
        from .pytorch_ood import check_name as check_elsewhere

        check_elsewhere(name.removeprefix(ELSEWHERE))
    elif name not in NEEDS:
        raise ValueError(
            f"there is no detector {name!r}{nearest(name, DETECTORS)}; "
            f"those of the package pytorch-ood are called {ELSEWHERE}NAME"
        )


def learns_directions(name: str) -> bool:
    """Tell whether a detector must be fitted to more images than there are features."""
    return name.removeprefix(ELSEWHERE).casefold() in OF_COVARIANCE


def needs_of(name: str) -> Needs:
    """Say what a detector looks at."""
    if name in NEEDS:
        return NEEDS[name]
    from .pytorch_ood import needs_of as needs_of_elsewhere

    return needs_of_elsewhere(name.removeprefix(ELSEWHERE))
