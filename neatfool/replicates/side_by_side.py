"""Processes side by side: so many at a time, their words heard, all stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Key = TypeVar("Key")

SECONDS_BETWEEN_LOOKS: Final = 0.2
PRESSES_TO_KILL: Final = 3
LINES_KEPT: Final = 200
"""Of what a process said last."""
SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass
class Child(Generic[Key]):
    """A process.

    Attributes:
        key: What its owner calls it.
        process: The process.
        said: The last lines that it wrote, to either output.
        told: How often it was asked to stop.
    """

    key: Key
    process: subprocess.Popen[str]
    said: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    told: int = 0


class SideBySide(Generic[Key]):
    """Runs commands side by side.

    Ctrl-C (SIGINT, SIGTERM and SIGHUP alike) is passed on to all as SIGINT, each time, and nothing
    is begun after it; the third time they are killed.

    Attributes:
        presses: How often a stop was asked for.
    """

    def __init__(
        self,
        jobs: int,
        environment: Mapping[str, str],
        *,
        began: Callable[[Key], None],
        said: Callable[[Key, str], None],
        ended: Callable[[Child[Key], int], None],
        asked_to_stop: Callable[[int], None],
    ) -> None:
        """Say how.

        Args:
            jobs: How many at a time.
            environment: Of the processes.
            began: Told of each that begins.
            said: Told each line that one writes.
            ended: Told of each that ended, with its exit code (negative: the signal's number).
            asked_to_stop: Told of each stop that was asked for, with their number so far.
        """
        self.presses = 0
        self._jobs = jobs
        self._environment = environment
        self._began, self._said = began, said
        self._ended, self._asked_to_stop = ended, asked_to_stop
        self._heard: SimpleQueue[tuple[Child[Key], str | None]] = SimpleQueue()
        self._running: list[Child[Key]] = []
        self._seen = 0

    def run(self, commands: Mapping[Key, Sequence[str]]) -> dict[Key, int]:
        """Run commands, in their order, until all have ended or a stop is asked for.

        Args:
            commands: The arguments of each.

        Returns:
            The exit code of each that began.
        """
        waiting = deque(commands.items())
        codes: dict[Key, int] = {}
        try:
            with self._listening():
                while self._running or (waiting and not self.presses):
                    while waiting and not self.presses and len(self._running) < self._jobs:
                        self._begin(*waiting.popleft())
                    self._listen(codes)
                    self._pass_on()
        finally:
            # Some are left only where something went wrong here; they are not to go on unheard.
            for child in self._running:
                _stop(child.process, kill=False)
        return codes

    def _begin(self, key: Key, command: Sequence[str]) -> None:
        # In a session of its own, so that the terminal's Ctrl-C comes to it only from here, and
        # as often as it is meant to.
        process = subprocess.Popen(  # noqa: S603 - the owner's own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=dict(self._environment),
            start_new_session=True,
        )
        child = Child(key, process)
        self._running.append(child)
        self._began(key)
        Thread(target=self._hear, args=(child,), daemon=True).start()

    def _hear(self, child: Child[Key]) -> None:
        assert child.process.stdout is not None
        with child.process.stdout as lines:
            for line in lines:
                self._heard.put((child, line.rstrip()))
        self._heard.put((child, None))

    def _listen(self, codes: dict[Key, int]) -> None:
        try:
            child, line = self._heard.get(timeout=SECONDS_BETWEEN_LOOKS)
        except Empty:
            return
        if line is not None:
            child.said.append(line)
            self._said(child.key, line)
            return
        codes[child.key] = child.process.wait()
        self._running.remove(child)
        self._ended(child, codes[child.key])

    def _pass_on(self) -> None:
        """Ask all to stop as often as it was asked of this process."""
        while self._seen < self.presses:
            self._seen += 1
            self._asked_to_stop(self._seen)
        for child in self._running:
            while child.told < self._seen:
                child.told += 1
                _stop(child.process, kill=child.told >= PRESSES_TO_KILL)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Count the signals that ask to stop; leave those alone that this process ignores."""
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        heeded = [number for number in numbers if before[number] is not signal.SIG_IGN]
        for number in heeded:
            signal.signal(number, self._press)
        try:
            yield
        finally:
            for number in heeded:
                signal.signal(number, before[number])

    def _press(self, *_: object) -> None:
        # No more than this: a signal may come while a process is being started.
        self.presses += 1


def _stop(process: subprocess.Popen[str], *, kill: bool) -> None:
    if kill:
        process.kill()
    elif os.name != "nt":  # there the console tells all processes by itself
        process.send_signal(signal.SIGINT)
