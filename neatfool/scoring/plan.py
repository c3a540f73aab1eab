"""The plan of how a run scores: the device, images a call, and screening in half precision.

A run records its plan, and is resumed and verified with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Final

import torch
from pydantic import PositiveInt, TypeAdapter, ValidationError

from neatfool.errors import RunError
from neatfool.network.network import Form, Graph, Precision
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.spec.json import Json

SHARE: Final = 16
"""A part for workers is at most this share of what is left of a generation, so that all end at one
time."""
MOST: Final = 16
"""It has at most so many candidates, so that many workers have work,"""
FEWEST: Final = 4
"""and at least so many, as each part costs a millisecond. It is at least one batch."""


@dataclass(frozen=True)
class Plan:
    """How a run scores."""

    batch_size: PositiveInt
    """Images a call when scores are recorded."""
    device: str | None = None
    """The kind of device the networks compute on, None for a target without networks."""
    parts: PositiveInt = 1
    """How many parts a generation is scored in."""
    graph: Graph = "eager"
    """How the networks' graphs are treated."""
    screening: Precision | None = None
    """The precision that screens each image first; None: all are scored exactly."""
    screening_batch: int = 0
    """Images a call when screening."""
    cores: int | None = field(default=None, compare=False)
    """Cores to use on a CPU, each by a call of its own; None: all. It changes no score, so it is
    not recorded, and a run can be resumed with any number."""

    @property
    def threads(self) -> int | None:
        """Threads that torch uses in a call, None to leave them as they are."""
        return 1 if self.device == "cpu" else None

    @property
    def workers(self) -> int:
        """Calls at a time on each device, each in its own Python thread."""
        return (self.cores or torch.get_num_threads()) if self.device == "cpu" else 1

    @property
    def exact(self) -> Form:
        """The form of the networks when scores are recorded."""
        return Form("fp32", self.graph)

    @property
    def screen(self) -> Form:
        """The form of the networks when screening."""
        assert self.screening is not None
        return Form(self.screening, self.graph)

    @property
    def calls(self) -> list[tuple[Form, int]]:
        """The form and the images of each kind of call."""
        screens = [(self.screen, self.screening_batch)] if self.screening else []
        return [(self.exact, self.batch_size), *screens]

    def to_json(self) -> dict[str, Json]:
        """Write the plan as a run records it."""
        return {name: value for name, value in asdict(self).items() if name != "cores"}

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> Plan:
        """Read what a run recorded."""
        try:
            return TypeAdapter(cls).validate_python(dict(record))
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "all of it"
            raise RunError(
                f"how the run scores is damaged in its record ({where}); restore a copy of the run"
            ) from error

    def describe(self) -> str:
        """Describe the plan in one line."""
        if self.device is None:
            return f"{self.batch_size} images a call"
        threads = f", {counted(self.workers, 'thread', 'threads')}" if self.threads else ""
        method = "each image in fp32"
        if self.screening:
            method = f"screened in {self.screening}, confirmed in fp32"
        return f"{self.device}{threads}: {method}"


def part_size(generation_size: int, plan: Plan) -> int:
    """Choose how many candidates, in whole batches, are scored while the next are made."""
    batch, screening = plan.batch_size, plan.screening_batch
    if screening and screening % batch == 0:
        batch = screening
    batches = math.ceil(generation_size / batch)
    return math.ceil(batches / plan.parts) * batch


def part_sizes(generation_size: int, plan: Plan) -> Iterator[int]:
    """Choose how many candidates each part of a generation has."""
    batch, screening = plan.batch_size, plan.screening_batch
    if screening % batch:
        # Batches begin with each part, so the parts are those of a run without an engine.
        yield from repeat(part_size(generation_size, plan))
    batch = screening or batch
    left = math.ceil(generation_size / batch)
    while True:
        count = max(min(left // SHARE, MOST // batch), math.ceil(FEWEST / batch))
        left -= count
        yield count * batch
