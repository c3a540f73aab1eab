"""Each plugin can be torn out: what is left lists, validates and runs, and its tests are found."""

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
NEEDED = {"mnist", "cppn", "map_elites"}
LEFT_OUT = shutil.ignore_patterns("_build")


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


COMMANDS = """
import shlex, sys
site, *commands = sys.argv[1:]
sys.path.insert(0, site)
from neatfool.cli import main
for command in commands:
    try:
        main(shlex.split(command))
    except SystemExit as end:
        if end.code:
            raise
"""


def run(site, folder, *commands):
    """Call commands one after another in one process; give all that it says."""
    result = call(site, "-c", COMMANDS, site, *commands, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "bug" not in result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_can_be_torn_out(name, tmp_path, monkeypatch):
    # Compiling takes most of the time of a short run, and tells nothing here.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    install(tmp_path / "site", {*PLUGINS} - {name})
    needs_it = name in NEEDED
    main_job = () if needs_it else ("validate mnist", "run mnist --generations 2")
    said = run(tmp_path / "site", tmp_path, "plugins list", *main_job)
    assert f"neatfool_plugins.{name}" not in said
    assert ("finished after 2 generations" in said) != needs_it


GROUPS = [
    {"ablate", "ancestry", "audit", "compare", "detect", "survive", "transfer", "quiz"},
    {"http", "serve", "watch", "dask", "trackers", "clip", "imagenet", "models"},
    {"report", "gallery", "export", "commands", "demo", "experiments"},
    {"direct", "gradient", "guarded", "ribs", "single_class", "detectors", "views"},
]
GROUPS[-1] |= {*PLUGINS}.difference(NEEDED, *GROUPS)


@pytest.mark.parametrize("torn", GROUPS, ids=min)
def test_tests_of_others_are_found_without_a_group_of_plugins(torn, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", ".tox", "runs", "*_cache", "__pycache__", "_build"
        ),
    )
    install(tmp_path / "site", {*PLUGINS} - torn)
    for name in torn:
        shutil.rmtree(copy / "plugins" / name, ignore_errors=True)
        (copy / "plugins" / f"{name}.py").unlink(missing_ok=True)
    named = re.compile(rf"neatfool(_plugins|\.analysis)(\.| import .*\b)({'|'.join(torn)})\b")
    theirs = {path for path in copy.glob("tests/**/*.py") if belongs(path, copy, torn, named)}
    # Tests of the whole project look at all plugins, and support for the tests of some is theirs.
    theirs |= set((copy / "tests" / "promises").glob("test_*.py"))
    tests = [*copy.glob("tests/**/*.py")]
    while theirs:
        support = {path.stem for path in theirs if path.parent.name == "support"}
        for path in theirs:
            path.unlink()
        used = re.compile(rf"^(from|import) ({'|'.join(support) or '-'})\b", re.MULTILINE)
        tests = [path for path in tests if path not in theirs]
        theirs = {path for path in tests if used.search(path.read_text(encoding="utf-8"))}
    found = call(
        tmp_path / "site",
        *(
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            "--assert=plain",
            "tests",
        ),
        cwd=copy,
    )
    assert found.returncode == 0, found.stdout[-3000:]


def belongs(path, copy, torn, named):
    """Tell whether a test is one of some plugins."""
    parts = path.relative_to(copy / "tests").parts
    own = parts[0] == "plugins" and parts[1].removeprefix("test_").removesuffix(".py") in torn
    return own or named.search(path.read_text(encoding="utf-8")) is not None


def test_three_plugins_run_the_main_job(tmp_path):
    install(tmp_path / "site", NEEDED)
    said = run(tmp_path / "site", tmp_path, "run mnist")
    assert "10 of 10 classes >= 99 %" in said
    assert len([*(tmp_path / "runs" / "mnist-1" / "images").glob("*.png")]) == 10
    assert len([line for line in said.splitlines() if "report" in line]) == 1
