"""How fast something goes, and how long the rest of it takes, once its pace is steady."""

from __future__ import annotations

from typing import Final

from neatfool.wording import duration

SECONDS_OF_SPEED: Final = 5.0
"""The speed is the mean over this time, so that it does not flicker."""
STEADY: Final = 2.0
"""A time is steady if neither of its halves is more than so many times faster than the other."""
_HALF_A_SECOND: Final = 0.5
_APART: Final = 0.05
"""What comes sooner is left to the next note, so that few are kept."""


class Pace:
    """Notes how much is done by when. Times are seconds of any clock.

    What goes on for the first time compiles functions and fills caches, which can take a thousand
    times as long as the work itself. So there is no speed before the first steady second, and a
    pause later on leaves the speed as it was before.
    """

    speed: float | None = None
    """Things a second over the last steady time of a second or more; None before there is one."""

    def __init__(self, now: float, done: float = 0) -> None:
        """Begin with so much done."""
        self._notes = [(now, done)]

    def note(self, now: float, done: float) -> None:
        """Note how much is done in all; nothing happens where that is no more than before."""
        notes = self._notes
        if done <= notes[-1][1] or now - notes[-1][0] < _APART:
            return
        notes = [*notes, (now, done)]  # A new list, as another thread may note, too.
        old = sum(now - time >= SECONDS_OF_SPEED for time, _ in notes[1:])
        self._notes = notes = notes[min(old, max(len(notes) - 3, 0)) :]
        if len(notes) < 3:
            return
        (start, before), (end, after) = notes[0], notes[-1]
        half = min(range(1, len(notes) - 1), key=lambda n: abs(notes[n][0] - (start + end) / 2))
        middle, count = notes[half]
        if min(middle - start, end - middle) < _HALF_A_SECOND:
            return
        halves = (count - before) / (middle - start), (after - count) / (end - middle)
        if max(halves) <= STEADY * min(halves):
            self.speed = (after - before) / (end - start)
        else:
            self._notes = notes[half:]

    def left(self, more: float) -> str:
        """Say how long so many more take: ``"3 min 20 s left"``, or ``"compiling"``."""
        return "compiling" if self.speed is None else f"{duration(max(more, 0) / self.speed)} left"
