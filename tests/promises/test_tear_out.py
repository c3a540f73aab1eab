"""Each plugin can be torn out: what is left lists, validates and runs, and its tests are found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(
    path.stem
    for path in (ROOT / "plugins").iterdir()
    if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("__")
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "_build")


def install(site, keep):
    """Install what is installed here once more, in a folder, with some of the plugins only."""
    for package in ("neatfool", "neatfool_experiments", "neatfool_plugins"):
        (folder,) = find_spec(package).submodule_search_locations
        shutil.copytree(folder, site / package, ignore=LEFT_OUT)
    for path in (site / "neatfool_plugins").iterdir():
        if path.stem not in keep and not path.name.startswith("__") and path.stem != "py":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    ours = distribution("neatfool")
    facts = site / f"neatfool-{ours.version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: neatfool\nVersion: {ours.version}\n"
    )
    lines, group = [], ""
    for point in sorted(ours.entry_points, key=lambda point: point.group):
        parts = point.module.split(".")
        if parts[0] == "neatfool_plugins" and parts[1] not in keep:
            continue
        if point.group != group:
            group = point.group
            lines.append(f"[{group}]")
        lines.append(f"{point.name} = {point.value}")
    (facts / "entry_points.txt").write_text("\n".join(lines))


def call(site, *words, **settings):
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
        **settings,
    )


def run(site, folder, *words):
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); from neatfool.__main__ import main; main()"
    )
    result = call(site, "-c", code, *words, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "bug" not in result.stderr
    return result


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_can_be_torn_out(name, tmp_path):
    site, tests = tmp_path / "site", tmp_path / "tests"
    install(site, {*PLUGINS} - {name})
    shutil.copytree(ROOT / "tests", tests, ignore=LEFT_OUT)
    named = re.compile(rf"neatfool_plugins(\.| import .*\b){name}\b")
    for path in [*tests.rglob("*.py")]:
        own = path.is_relative_to(tests / "plugins" / name) or path.stem == f"test_{name}"
        if own or named.search(path.read_text(encoding="utf-8")):
            path.unlink()
    assert f" {name} " not in run(site, tmp_path, "plugins", "list").stdout
    if name not in {"mnist", "cppn", "map_elites"}:
        run(site, tmp_path, "validate", "mnist")
        run(site, tmp_path, "run", "mnist", "--generations", "2")
    found = call(
        site,
        *("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"),
        *("-c", ROOT / "setup.cfg", "--rootdir", tmp_path, tests),
        cwd=tmp_path,
    )
    assert found.returncode == 0, found.stdout[-2000:]


def test_three_plugins_run_the_main_job(tmp_path):
    install(tmp_path / "site", {"mnist", "cppn", "map_elites"})
    result = run(tmp_path / "site", tmp_path, "run", "mnist")
    assert "10 of 10 classes >= 99 %" in result.stdout + result.stderr
    assert len([*(tmp_path / "runs" / "mnist-1" / "images").glob("*.png")]) == 10
    told = [line for line in result.stderr.splitlines() if "report" in line]
    assert len(told) == 1, told
