"""A small run, made once through the command line."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from commands import neatfool, write_experiment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of the small experiment."""
    return write_experiment(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def finished(experiment: Path) -> Path:
    """Give the folder of a finished run, to look at only."""
    folder = experiment.parent / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        result = neatfool("run", experiment, "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """Give a copy of the finished run, to do anything with."""
    return shutil.copytree(finished, tmp_path / "copy")
