"""A package of somebody else: written, installed beside neatfool, used, and removed again."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DARK = """
[experiment]
name = dark
images = 100
[target]
plugin = mnist
[views]
darker = 20
[encoding]
plugin = cppn
[scheme]
plugin = map_elites
batch = 50
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """An environment of its own, in which neatfool and all that it needs are those of this one."""
    folder = tmp_path_factory.mktemp("outside")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    folders = [each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")]
    # In the path and not in the environment, for pip builds packages with that alone.
    (folder / "sitecustomize.py").write_text(
        "import site\n" + "".join(f"site.addsitedir({each!r})\n" for each in folders)
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command: object, exit_code: int = 0) -> str:
        done = subprocess.run(
            [python, "-m", *map(str, command)],
            check=False,
            cwd=folder,
            env={**clean, "PYTHONPATH": str(folder), "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_package_is_installed_listed_run_and_removed(outside, tmp_path):
    package, experiment = tmp_path / "neatfool-darker", tmp_path / "dark.ini"
    experiment.write_text(DARK)
    outside("neatfool", "validate", experiment, exit_code=2)  # there is no such view yet
    outside("neatfool", "plugins", "new", "view", "darker", "--package", "--out", package)

    said = outside("neatfool", "plugins", "install", "-e", package)
    assert "Installed the view darker (neatfool-darker 0.1.0)" in said

    listed = json.loads(outside("neatfool", "plugins", "list", "--json"))
    (ours,) = [each for each in listed if each["name"] == "darker"]
    assert (ours["source"], ours["version"]) == ("neatfool-darker", "0.1.0")
    assert ours["hooks"] == ["neatfool_register_views"]
    assert "passed" in outside("neatfool", "plugins", "check", "view.darker")
    assert "1 passed" in outside("pytest", "-q", "-p", "no:cacheprovider", package)

    outside("neatfool", "run", experiment, "--out", tmp_path / "run", "--no-report")
    assert len(list((tmp_path / "run" / "images").glob("*.png"))) == 10
    outside("neatfool", "verify", tmp_path / "run")

    outside("pip", "uninstall", "-q", "-y", "neatfool-darker")
    assert "darker" not in outside("neatfool", "plugins", "list")
    outside("neatfool", "validate", experiment, exit_code=2)
