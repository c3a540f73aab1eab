"""Another process compiles breeding, the first time on a machine; nothing depends on it."""

import os
import subprocess
import sys

import pytest

from neatfool import cppn
from neatfool.cppn import jit
from neatfool.cppn.breeding import vary_as_the_paper

PRESET = cppn.PRESETS["paper"]
FIRST = """
from neatfool import cppn
from neatfool.cppn.breeding import vary_as_the_paper
preset = cppn.PRESETS["paper"]
cppn.Breeder.prepare(preset)
config = cppn.genome_config(cppn.resolve(cppn.GenomeOptions(), preset), 1)
breeder = cppn.Breeder(preset, config)
breeder.breed([breeder.create([1])], [2])
print(*map(len, (vary_as_the_paper.stats.cache_hits, vary_as_the_paper.stats.cache_misses)))
"""


@pytest.fixture
def nothing_kept(tmp_path, monkeypatch):
    """Let it look as if no code was kept; give the folder where it would be."""
    pytest.importorskip("numba")

    class Stats:
        cache_path = str(tmp_path)

    monkeypatch.setattr(type(vary_as_the_paper), "stats", Stats)
    monkeypatch.setattr(jit, "_background", [])
    return tmp_path


def breed():
    config = cppn.genome_config(cppn.resolve(cppn.GenomeOptions(), PRESET), 1)
    breeder = cppn.Breeder(PRESET, config)
    return breeder.breed([breeder.create([1])], [2])


def test_breeding_waits_for_what_is_compiled_in_background(nothing_kept, monkeypatch):
    program = f"import time; time.sleep(0.3); open({str(nothing_kept / 'ready')!r}, 'w')"
    monkeypatch.setattr(jit, "BREED_A_CHILD", program)
    cppn.Breeder.prepare(PRESET)
    assert not (nothing_kept / "ready").exists()
    breed()
    assert (nothing_kept / "ready").exists()


def test_a_file_in_the_working_folder_does_not_say_where_code_is_kept(tmp_path):
    pytest.importorskip("numba")
    pytest.importorskip("yaml")
    (tmp_path / ".numba_config.yaml").write_text("cache_dir: kept")
    command = [sys.executable, "-c", "import neatfool.cppn.breeding"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert not (tmp_path / "kept").exists()


def test_a_process_that_fails_or_cannot_be_started_changes_no_child(nothing_kept, monkeypatch):
    wanted = breed()
    monkeypatch.setattr(jit, "BREED_A_CHILD", "raise SystemExit(1)")
    cppn.Breeder.prepare(PRESET)
    assert breed() == wanted
    monkeypatch.setattr(sys, "executable", str(nothing_kept / "missing"))
    cppn.Breeder.prepare(PRESET)
    assert breed() == wanted


def test_no_process_is_started_where_the_code_is_kept(nothing_kept, monkeypatch):
    (nothing_kept / f"variation.{vary_as_the_paper.__qualname__}-110.py311.nbi").touch()
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("it is kept"))
    cppn.Breeder.prepare(PRESET)


@pytest.mark.slow
def test_what_is_compiled_in_background_is_not_compiled_again(tmp_path):
    pytest.importorskip("numba")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", FIRST]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]
