"""Packages of npm, got once and kept in pytest's cache."""

from pathlib import Path
from subprocess import SubprocessError

import pytest

from neatfool_plugins.demo.onnxruntime_web import download


def npm_package(request: pytest.FixtureRequest, name: str, version: str) -> Path:
    """Give a package's file; skip the test where npm or the network is missing."""
    try:
        return download(request.config.cache.mkdir("npm"), name, version)
    except (OSError, SubprocessError) as error:
        pytest.skip(f"npm gives no {name}: {error}")
