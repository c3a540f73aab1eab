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
}
"""What neatfool's own detectors look at."""
SHORT: Final = {"knn": "KNN", "mahalanobis": "Mahalanobis", "vim": "ViM"}
"""Short names of detectors of the package pytorch-ood."""
DETECTORS: Final = (*NEEDS, *SHORT)
"""The detectors that are asked by default."""
ELSEWHERE: Final = "pytorch-ood:"
"""What comes before the name of a detector of the package pytorch-ood."""

OF_COVARIANCE: Final = {"Mahalanobis", "ViM", "RMD", "MultiMahalanobis"}
"""Detectors of pytorch-ood that learn in which directions features vary: with fewer images than
features, they do not see most of them."""


def check_name(name: str) -> None:
    """Check that there is a detector of a name.

    Raises:
        ValueError: There is none, or its package is not installed.
    """
    if name.startswith(ELSEWHERE) or name in SHORT:
        from .pytorch_ood import check_name as check_elsewhere

        check_elsewhere(name_elsewhere(name))
    elif name not in NEEDS:
        raise ValueError(
            f"there is no detector {name!r}{nearest(name, DETECTORS)}; "
            f"those of the package pytorch-ood are called {ELSEWHERE}NAME"
        )


def learns_directions(name: str) -> bool:
    """Tell whether a detector must be fitted to more images than there are features."""
    return name_elsewhere(name).partition(" ")[0] in OF_COVARIANCE


def name_elsewhere(name: str) -> str:
    """Give the name that a detector has in pytorch-ood."""
    return SHORT.get(name) or name.removeprefix(ELSEWHERE)


def needs_of(name: str) -> Needs:
    """Say what a detector looks at."""
    if name in NEEDS:
        return NEEDS[name]
    from .pytorch_ood import needs_of as needs_of_elsewhere

    return needs_of_elsewhere(name_elsewhere(name))
