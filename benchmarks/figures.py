"""What a benchmark gives: ratios, each with the bound that it is to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One ratio, or another number that does not depend on how fast the machine is.

    Attributes:
        name: What it is, in words: ``rendering 28x28, 20 nodes: compiled / torch``.
        value: What was measured; where there are several rounds, their median.
        bound: What it is to keep; None for a number that is only told.
        keeps: Whether the value is to be ``"at most"`` or ``"at least"`` the bound.
    """

    name: str
    value: float
    bound: float | None = None
    keeps: Literal["at most", "at least"] = "at most"

    @property
    def holds(self) -> bool | None:
        """Whether the value keeps its bound; None where it has none."""
        if self.bound is None:
            return None
        return self.value <= self.bound if self.keeps == "at most" else self.value >= self.bound
