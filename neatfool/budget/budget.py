"""The budget: how much of a metered target, which costs something to ask, may be used."""

from dataclasses import dataclass

from neatfool.errors import BudgetSpent
from neatfool.wording import counted


@dataclass(frozen=True)
class Budget:
    """The most that a run may spend; None means no limit.

    Attributes:
        queries: The most images to send.
        requests: The most requests to send.
    """

    queries: int | None = None
    requests: int | None = None


def check_allowed(name: str, images: int, most: int | None) -> None:
    """Refuse to send a metered target so many images if the user allows fewer.

    Raises:
        BudgetSpent: ``most`` is less than ``images``, or None.
    """
    if most is None or images > most:
        allowed = "" if most is None else f", and {most:,} are allowed"
        raise BudgetSpent(
            f"{name}: this takes up to {counted(images, 'query', 'queries')} of a target that "
            f"costs something to ask{allowed}; nothing was asked. Allow them with --max-queries "
            f"{images}, or look at fewer images (--sample, --classes)"
        )
