"""How images are exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .workplace import Made


@dataclass(frozen=True)
class Settings:
    """How images are exported.

    Attributes:
        least: The least confidence.
        size: Pixels of the longer side; the target's size if absent.
        verify: Whether each image is scored again.
        tolerance: The largest difference to the record that counts as equal.
        licence: The images' licence.
    """

    least: float
    size: int | None
    verify: bool
    tolerance: float
    licence: str

    def accepts(self, made: Made) -> bool:
        """Say whether an image scored what it should."""
        if not self.verify:
            return True
        if made.measured is None:
            return False
        if self.size is not None:
            return made.measured >= self.least
        return abs(made.measured - made.confidence) <= self.tolerance
