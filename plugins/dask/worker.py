"""What runs in a worker's process: the workplaces of runs, and the work in them."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from neatfool import NeatfoolError, Workplace

if TYPE_CHECKING:
    from neatfool import Answer, Part, Setup

FORGOTTEN: Final = 3600.0
"""A workplace that nobody has used for so many seconds is closed: its run was killed, perhaps."""


@dataclass(eq=False)
class _Place:
    """A workplace, and the thread that it is made and used in: some targets allow only one."""

    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "neatfool"))
    workplace: Workplace | None = None
    used: float = field(default_factory=time.monotonic)

    def join(self, setup: Setup) -> None:
        self.workplace = self.workplace or Workplace(setup)

    def answer(self, part: Part) -> tuple[Answer | Exception, float]:
        assert self.workplace is not None
        began = time.monotonic()
        try:
            answer: Answer | Exception = self.workplace.answer(part)
        except Exception as error:  # it belongs to whoever waits for the part
            answer = error
        self.used = time.monotonic()
        return answer, self.used - began

    def close(self) -> None:
        if self.workplace is not None:
            self.workplace.close()


_places: dict[str, _Place] = {}


async def join(run: str, setup: Setup) -> tuple[str, NeatfoolError | None]:
    """Make the workplace of a run; give the machine's name, and why it cannot be used, if so."""
    for other, place in [*_places.items()]:
        if time.monotonic() - place.used > FORGOTTEN:
            await leave(other)
    place = _places.setdefault(run, _Place())
    try:
        await asyncio.wrap_future(place.thread.submit(place.join, setup))
    except NeatfoolError as error:
        await leave(run)
        return socket.gethostname(), error
    return socket.gethostname(), None


async def answer(run: str, part: Part) -> tuple[Answer | Exception, float]:
    """Draw and score a part; give the answer, or what that raised, and the seconds it took."""
    place = _places[run]
    return await asyncio.wrap_future(place.thread.submit(place.answer, part))


async def leave(run: str) -> None:
    """Close the workplace of a run."""
    if place := _places.pop(run, None):
        place.thread.submit(place.close)
        place.thread.shutdown(wait=False)
