"""No library takes settings from the folder in which neatfool is called: it may be a stranger's."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, sys
from pathlib import Path

opened, here = [], os.path.realpath(".")

def note(event, args):
    if event == "open" and isinstance(args[0], str | bytes):
        path = os.path.realpath(os.fsdecode(args[0]))
        if path.startswith(here + os.sep) and os.path.exists(path):
            opened.append(os.path.relpath(path, here))

sys.addaudithook(note)
from neatfool.cli import main

codes = {}
for line in json.loads(sys.argv[1]):
    try:
        main(line)
    except SystemExit as ended:
        codes[line[0]] = ended.code
print(json.dumps([codes, opened]))
"""
"""Calls the program for each command line; prints exit codes, and what was opened in its folder."""


@pytest.fixture
def trapped(tmp_path):
    """Give a folder with settings for every library that might look for them there."""
    folder, victim = tmp_path / "theirs", tmp_path / "victim"
    victim.write_text("precious")
    folder.mkdir()
    for name, text in {
        ".numba_config.yaml": f"chrome_trace: {victim}\ncache_dir: {tmp_path / 'kept'}\n",
        "matplotlibrc": "text.usetex: True\n",
        "wandb/settings": "[default]\nbase_url = http://127.0.0.1:9\n",
        ".config/dask/dask.yaml": "distributed: {scheduler: {preload: [theirs]}}\n",
        **dict.fromkeys([".env", ".netrc", "dask.yaml", "fonts.conf", "setup.cfg"], "trap = 1\n"),
        **dict.fromkeys(["pyproject.toml", ".coveragerc", ".streamlit/config.toml"], "trap = 1\n"),
        **dict.fromkeys(["numpy.py", "torch.py", "_ops.py", "_classes.py"], "raise SystemExit\n"),
        **dict.fromkeys(["sitecustomize.py", "neatfool_plugins.py"], "raise SystemExit\n"),
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    yield folder
    assert victim.read_text() == "precious"
    assert not (tmp_path / "kept").exists()


def run_in(folder, *lines):
    """Call the program there, one command line after the other, in a process of its own."""
    lines = [[str(word) for word in line] for line in lines]
    command = [sys.executable, "-P", "-c", PROGRAM, json.dumps(lines)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    codes, opened = json.loads(done.stdout.splitlines()[-1])
    return codes, opened, done.stderr


def test_a_report_follows_no_settings_of_the_working_folder(trapped, finished):
    codes, opened, said = run_in(trapped, ("report", finished))
    assert not codes["report"], said
    assert opened == []


@pytest.mark.slow
def test_no_reading_command_opens_a_file_of_the_working_folder(
    trapped, finished, experiment, tmp_path
):
    pytest.importorskip("yaml")
    run, out, page = finished, tmp_path / "out", ("--html", tmp_path / "page.html")
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number, png in enumerate([*(run / "images").glob("*.png")] * 20):
        (photographs / f"{number}.png").write_bytes(png.read_bytes())
    folder = ("--in-distribution", photographs)
    lines = [
        ("show", run),
        ("runs", run.parent),
        ("validate", experiment),
        ("plugins", "list"),
        ("report", run),
        ("gallery", run),
        ("graph", run, "bright", "--out", out / "graph.svg"),
        ("render", run, "bright", "--out", out / "image.png"),
        ("ancestry", run, *page),
        ("compare", run, *page),
        ("verify", run),
        ("survive", run, "--kinds", "move", "--sample", 1, *page),
        ("transfer", run, "--to", experiment, *page),
        ("detect", run, "--detectors", "msp", *folder, *page),
        ("ablate", run, "--sample", 1, "--tiles", 2, *page),
        ("export", run, out / "exported", "--least", 0),
        ("quiz", run, "--least", 0, *folder, "-o", out / "quiz.html"),
    ]
    out.mkdir()
    codes, opened, said = run_in(trapped, *lines)
    assert {name: code for name, code in codes.items() if code} == {}, said
    assert codes.keys() == {line[0] for line in lines}
    assert opened == []


def test_what_is_compiled_later_follows_no_settings_either(trapped, tmp_path):
    pytest.importorskip("numba")
    pytest.importorskip("yaml")
    program = (
        "import neatfool.cppn.draw.lanes, numba\n"
        "numba.njit(lambda x: x + 1)(1)\n"
        "print([numba.config.CHROME_TRACE, numba.config.CACHE_DIR])"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=trapped, capture_output=True, text=True, check=True)
    assert done.stdout == "['', '']\n"
