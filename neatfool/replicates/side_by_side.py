"""Runs processes side by side, reads their output, and stops them together."""

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
"""Each process's last lines are kept, enough for a long traceback."""
SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass
class Child(Generic[Key]):
    """A process.

    Attributes:
        key: The owner's name for it.
        lines: The last lines that it wrote, to either output.
        stops: How often it was asked to stop.
    """

    key: Key
    process: subprocess.Popen[str]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    stops: int = 0


class SideBySide(Generic[Key]):
    """Runs commands side by side.

    Each Ctrl-C (or SIGTERM or SIGHUP) goes to all processes as SIGINT, and no more start. The third
    one kills them. ``presses`` counts them.
    """

    def __init__(
        self,
        jobs: int,
        environment: Mapping[str, str],
        *,
        on_start: Callable[[Key], None],
        on_line: Callable[[Key, str], None],
        on_end: Callable[[Child[Key], int], None],
        on_stop: Callable[[int], None],
    ) -> None:
        """Take how many processes to run at a time, their environment, and what to call.

        Args:
            jobs: How many processes run at a time.
            environment: The processes' environment.
            on_start: Called with the key of each process that starts.
            on_line: Called with each line that a process writes.
            on_end: Called with each process that ends, and its exit code (negative: the signal's
                number).
            on_stop: Called with the number of stops so far, for each one.
        """
        self.presses = 0
        self._jobs = jobs
        self._environment = environment
        self._on_start, self._on_line = on_start, on_line
        self._on_end, self._on_stop = on_end, on_stop
        self._output: SimpleQueue[tuple[Child[Key], str | None]] = SimpleQueue()
        self._running: list[Child[Key]] = []
        self._passed_on = 0

    def run(self, commands: Mapping[Key, Sequence[str]]) -> dict[Key, int]:
        """Run commands in their order, until all have ended or a stop comes.

        Returns:
            The exit code of each command that started.
        """
        waiting = deque(commands.items())
        codes: dict[Key, int] = {}
        try:
            with self._catching_stops():
                while self._running or (waiting and not self.presses):
                    while waiting and not self.presses and len(self._running) < self._jobs:
                        self._start(*waiting.popleft())
                    self._take_line(codes)
                    self._pass_stops_on()
        finally:
            # Processes are left only after an error here.
            for child in self._running:
                _stop(child.process, kill=False)
        return codes

    def _start(self, key: Key, command: Sequence[str]) -> None:
        # In its own session, a process gets the terminal's Ctrl-C only from here.
        process = subprocess.Popen(  # noqa: S603 - the owner's commands
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
        self._on_start(key)
        Thread(target=self._read_lines, args=(child,), daemon=True).start()

    def _read_lines(self, child: Child[Key]) -> None:
        assert child.process.stdout is not None
        with child.process.stdout as lines:
            for line in lines:
                self._output.put((child, line.rstrip()))
        self._output.put((child, None))

    def _take_line(self, codes: dict[Key, int]) -> None:
        try:
            child, line = self._output.get(timeout=SECONDS_BETWEEN_LOOKS)
        except Empty:
            return
        if line is not None:
            child.lines.append(line)
            self._on_line(child.key, line)
            return
        codes[child.key] = child.process.wait()
        self._running.remove(child)
        self._on_end(child, codes[child.key])

    def _pass_stops_on(self) -> None:
        """Pass this process's stops on to all others."""
        while self._passed_on < self.presses:
            self._passed_on += 1
            self._on_stop(self._passed_on)
        for child in self._running:
            while child.stops < self._passed_on:
                child.stops += 1
                _stop(child.process, kill=child.stops >= PRESSES_TO_KILL)

    @contextmanager
    def _catching_stops(self) -> Iterator[None]:
        """Count the signals that ask to stop, except those that this process ignores."""
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
        # It does nothing else, because a signal may come while a process starts.
        self.presses += 1


def _stop(process: subprocess.Popen[str], *, kill: bool) -> None:
    if kill:
        process.kill()
    elif os.name != "nt":  # on Windows the console reaches all processes itself
        process.send_signal(signal.SIGINT)
