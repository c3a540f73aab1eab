"""Packages of npm, got once and kept in pytest's cache."""

from __future__ import annotations

from subprocess import SubprocessError
from typing import TYPE_CHECKING

import pytest

from neatfool_plugins.demo.onnxruntime_web import download

if TYPE_CHECKING:
    from pathlib import Path


def npm_package(request: pytest.FixtureRequest, name: str, version: str) -> Path:
    """Give a package's file; skip the test where npm or the network is missing."""
    try:
        return download(request.config.cache.mkdir("npm"), name, version)
    except (OSError, SubprocessError) as error:
        pytest.skip(f"npm gives no {name}: {error}")
