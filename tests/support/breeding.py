"""Sessions of breeding: a person who follows a script, and a page in a process of its own."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neatfool import Run, fool
from neatfool_plugins.breed.scheme import Person, UserAction


class ScriptedPerson(Person):
    """Does what a script says; ``seen`` is what was shown before each action, and at the end."""

    def __init__(self, *actions: dict[str, Any], side: int = 12) -> None:
        super().__init__(3, side, side)
        self.actions, self.seen = [UserAction(**each) for each in actions], list[dict[str, Any]]()

    def act(self, shown: dict[str, Any]) -> UserAction | None:
        self.seen.append(shown)
        return self.actions.pop(0) if self.actions else None


def breed(person: Person, folder: Path, **more: Any) -> Run:
    """Run a session, or go on with the one that is in the folder."""
    return fool(
        person,
        image=person.spec.shape,
        classes=[],
        generations=1000,
        scheme="interactive",
        encoding_options={"preset": "patterns", "initial_rounds": 4, "band_limit": 0},
        out=folder,
        resume_run=(folder / "run.db").exists(),
        name="breed",
        progress=False,
        **more,
    )


def choose(*places: int, **more: Any) -> dict[str, Any]:
    """Write down the action *next generation*."""
    return {"kind": "next", "places": [*places], **more}


class Served:
    """The page of ``neatfool breed`` in a process of its own."""

    def __init__(self, *words: object, folder: Path) -> None:
        command = [sys.executable, "-m", "neatfool", "breed", *map(str, words)]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout
        told = self.process.stdout.readline()
        found = re.search(r"http://\S+", told)
        assert found, told + self.process.communicate()[0]
        self.address = found[0]

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """Ask the server; with a body, to act."""
        data = json.dumps(body).encode() if body else None
        with urllib.request.urlopen(self.address + path, data, timeout=60) as answer:
            return json.load(answer)

    def end(self, number: signal.Signals = signal.SIGINT) -> str:
        """End it by a signal; give what it said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[0]


@contextmanager
def served(*words: object, folder: Path) -> Iterator[Served]:
    """Serve a page, and kill what serves it at the end."""
    page = Served(*words, folder=folder)
    try:
        yield page
    finally:
        page.process.kill()
        page.process.communicate()
