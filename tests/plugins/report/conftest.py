"""What the tests of the report share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_runs import FakeRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def make_run_in() -> Callable[..., FakeRun]:
    """Make up a run in a folder."""
    return FakeRun


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., FakeRun]:
    """Make up a run whose folder is a temporary one."""
    return lambda **options: FakeRun(tmp_path, **options)
