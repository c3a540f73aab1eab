"""Replicates one after another in this process: starting one of its own takes two seconds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from commands import neatfool


class OneByOne:
    """Stands in for :class:`neatfool.cli.replicates.ProcessPool`."""

    def __init__(self, jobs: int, environment: Mapping[str, str], **calls: Callable) -> None:
        self._calls = calls

    def run(self, commands: Mapping[Any, Sequence[str]]) -> dict[Any, int]:
        return {key: self._run(key, command) for key, command in commands.items()}

    def _run(self, key: Any, command: Sequence[str]) -> int:
        _python, _safely, _m, _neatfool, *arguments = command
        result = neatfool(*arguments)
        for line in result.output.splitlines():
            self._calls["on_line"](key, line)
        return result.exit_code


def start_no_processes(patch: pytest.MonkeyPatch) -> None:
    """Let ``neatfool run --seeds`` work in this process until the patch is undone."""
    patch.setattr("neatfool.cli.replicates.ProcessPool", OneByOne)
