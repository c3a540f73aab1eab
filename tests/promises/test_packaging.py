"""What is installed is whole, and works away from the checkout."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import neatfool
import neatfool_plugins

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8")
NOT_SOURCE = shutil.ignore_patterns(
    ".*", "*.egg-info", "__pycache__", "build", "dist", "runs", "_build"
)


def test_the_version_is_the_same_everywhere():
    assert version("neatfool") == neatfool.__version__
    assert f"\nversion: {neatfool.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f'\n  version: "{neatfool.__version__}"\n' in RECIPE


def test_the_conda_recipe_asks_for_what_pip_installs():
    names = {"matplotlib": "matplotlib-base", "torch": "pytorch"}
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["options"]["install_requires"].strip().splitlines()
    wanted = {Requirement(line) for line in lines if not line.startswith("#")}
    by_pip = {(names.get(each.name, each.name), each.specifier) for each in wanted}
    section = RECIPE.split("\n  run:\n")[1].split("\n\n")[0]
    by_conda = {
        (each.name, each.specifier)
        for each in map(Requirement, re.findall(r"^    - (\S+ \S+)$", section, re.MULTILINE))
    }
    assert by_conda == by_pip | {("python", Requirement("python>=3.11").specifier)}


def test_the_image_is_made_of_what_a_wheel_is_made_of():
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    folders = {"experiments", "neatfool", "plugins"}
    needed = folders | {"LICENSE", "README.md", "pyproject.toml", "setup.cfg", "setup.py"}
    assert {line[1:] for line in allowed if line.startswith("!")} == needed


def test_built_in_plugins_are_registered_as_anybody_s_would_be():
    names = {
        entry.name for entry in entry_points(group="neatfool") if entry.dist.name == "neatfool"
    }
    assert names >= {"target.mnist", "encoding.cppn", "scheme.map_elites", "scheme.single_class"}


@pytest.mark.parametrize(
    ("machine", "needed"),
    [
        ({"sys_platform": "linux", "platform_machine": "x86_64"}, True),
        ({"sys_platform": "linux", "platform_machine": "aarch64"}, True),
        ({"sys_platform": "darwin", "platform_machine": "arm64"}, True),
        ({"sys_platform": "win32", "platform_machine": "AMD64"}, True),
        ({"sys_platform": "linux", "platform_machine": "riscv64"}, False),
        ({"sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.16"}, False),
    ],
)
def test_numba_is_needed_where_it_has_wheels(machine, needed):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["options"]["install_requires"].splitlines()
    (line,) = (line for line in lines if line.startswith("numba"))
    usual = {"python_version": "3.12", "platform_python_implementation": "CPython"}
    assert Requirement(line).marker.evaluate({**usual, **machine}) == needed


@pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="not run through tox")
def test_tox_tests_the_installed_package():
    assert Path(neatfool.__file__).parent != ROOT / "neatfool"
    assert Path(neatfool_plugins.__file__).parent != ROOT / "plugins"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel from a copy of the source, so that no old build gets into it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source]
    subprocess.run(command, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_a_wheel_has_all_that_the_source_has(wheel):
    packaged = set(zipfile.ZipFile(wheel).namelist())
    folders = {
        "neatfool": ROOT / "neatfool",
        "neatfool_experiments": ROOT / "experiments",
        "neatfool_plugins": ROOT / "plugins",
    }
    source = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert source - packaged == set()
    assert {name for name in packaged if ".dist-info/" not in name} == source
    assert {"neatfool/py.typed", "neatfool_plugins/py.typed"} <= packaged
    assert {"neatfool/__init__.pyi", "neatfool/cppn/__init__.pyi"} <= packaged, (
        "names are read there"
    )
    assert any(name.endswith("/licenses/LICENSE") for name in packaged)


@pytest.mark.slow
def test_a_wheel_made_of_a_source_distribution_is_the_same(wheel, tmp_path):
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=NOT_SOURCE)
    tools = tmp_path / "tools"
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "install", "-q", "--target", tools, "setuptools>=77"], check=True)
    make = "import setuptools.build_meta as build; build.build_sdist('dist')"
    alone = {**os.environ, "PYTHONPATH": str(tools)}
    command = [sys.executable, "-c", make]
    subprocess.run(command, cwd=source, env=alone, check=True, capture_output=True)
    (archive,) = (source / "dist").glob("*.tar.gz")
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", tmp_path, archive], check=True)
    (built,) = tmp_path.glob("*.whl")
    assert {*zipfile.ZipFile(built).namelist()} == {*zipfile.ZipFile(wheel).namelist()}


@pytest.mark.slow
def test_a_wheel_says_what_it_is(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode().splitlines()
    assert {"License-Expression: Apache-2.0", "Requires-Python: >=3.11"} <= set(metadata)
    every = [line for line in metadata if line.startswith("Requires-Dist: ")]
    needed = [line.split(";")[0] for line in every if 'extra == "test"' not in line]
    assert [line for line in needed if ">=" not in line] == [], "ranges, not pins"
    bounded = [line.removeprefix("Requires-Dist: ") for line in needed if "<" in line]
    assert [line.split("<")[0] for line in bounded] == ["neat-python"], "its behaviour is recorded"


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_runs_the_experiment_that_it_brings(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    # What is not compiled is only slower at its first import.
    install = [scripts / "python", "-m", "pip", "install", "-q", "--no-compile", wheel]
    subprocess.run(install, check=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    elsewhere = {"cwd": tmp_path, "env": clean, "capture_output": True, "text": True}
    subprocess.run([scripts / "neatfool", "experiments", "copy", "mnist"], check=True, **elsewhere)
    command = [scripts / "neatfool", "run", "experiments/mnist.ini", "--out", "run"]
    ended = subprocess.run(command, check=False, **elsewhere)
    assert ended.returncode == 0, ended.stderr
    assert len(list((tmp_path / "run" / "images").glob("*.png"))) == 10
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
