"""What all tests share."""

import gc
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes, of which the tests write a sixth

# Most tests make runs, and a disk takes most of the time of making one. A folder that a user names
# is taken instead.
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# A machine that is busy with something else is no reason to fail; neither is a seed that nobody
# can bring back. So examples are always the same ones, and more of them find little more.
settings.register_profile(
    "neatfool",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("neatfool")

# Processes that tests start find the tests' modules, but behind the package that is installed.
sys.path.append(str(Path(__file__).parents[1]))

# jsonschema does without this grammar, which takes a second to build.
sys.modules["rfc3987_syntax"] = None

# Imported modules hold no cycles to be freed. Searching them again and again took a seventh of the
# time of all tests.
gc.set_threshold(100_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one process more than there are processors: tests also wait, for servers and pages."""
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return len(allowed(0)) + 1


COMPILING = (
    "import neatfool.cppn.draw.gradient_kernel",
    "from neatfool.cppn.breeding import PRESETS, breed_a_child\n"
    "for preset in PRESETS: breed_a_child(preset)",
    "from neatfool import cppn\n"
    "for name in ('paper_sine', 'abs'):\n"
    "    genome = cppn.Genome.of([cppn.NodeGene(0, name)], [])\n"
    "    tape = cppn.compile_tape([genome], [-1, -2, -3, -4], [0])\n"
    "    for limit in (0, 2): cppn.render(tape, cppn.Look(8, 8, band_limit=limit))",
)
"""Programs that have numba compile and keep what most tests need."""


def pytest_sessionstart(session):
    """Have code compiled once, before the processes of the tests start and each does so."""
    if getattr(session.config.option, "numprocesses", None):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # numba may be absent
        programs = [subprocess.Popen([sys.executable, "-c", each], **quiet) for each in COMPILING]
        for program in programs:
            program.wait()


def pytest_collection_finish(session):
    """Make the second device known, and leave what is there now out of Python's searches."""
    if any("second_device" in item.nodeid for item in session.items):
        # PyTorch counts devices once, at the first gradient.
        from tests.support.second_device import register

        register()
    gc.freeze()


# A shell that starts the tests in the background has Ctrl-C ignored, also by their processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def usual_thresholds():
    """Let Python look for cycles as often as it does by itself."""
    own = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield gc.get_threshold()
    gc.set_threshold(*own)


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory):
    """Keep away from the user's key, for processes too."""
    os.environ["NEATFOOL_CONFIG"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture
def distribute(tmp_path, monkeypatch):
    """Install a made-up distribution for the time of a test: its entry points and modules."""
    before = set(sys.modules)

    def install(
        name: str,
        entry_points: dict[str, str],
        modules: dict[str, str] | None = None,
        group: str = "neatfool",
    ) -> None:
        site = tmp_path / f"site-{name}"
        info = site / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"{point} = {value}\n" for point, value in entry_points.items()]
        (info / "entry_points.txt").write_text("".join([f"[{group}]\n", *lines]))
        for module, code in (modules or {}).items():
            file = site / f"{module}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(code)
        monkeypatch.syspath_prepend(site)

    yield install
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def opened(monkeypatch):
    """Give the databases that are opened from now on, to trace them, or to fill a disk."""
    from neatfool.run import schema

    # A process reads these once, of databases in memory.
    schema.description()
    for table in schema.TABLES:
        schema.columns(table)
    connections, connect = [], sqlite3.connect

    def note(*args: object, **options: object) -> sqlite3.Connection:
        connections.append(connect(*args, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", note)
    return connections


@pytest.fixture
def no_numba(monkeypatch):
    """Have no numba for the time of a test."""
    from neatfool.cppn.draw import cpu

    for name in ("cppn.draw.kernel", "compiling"):
        monkeypatch.delitem(sys.modules, f"neatfool.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    for cached in (cpu.load_compiled, cpu.can_compile):
        cached.cache_clear()
    yield
    cpu.can_compile.cache_clear()


@pytest.fixture(autouse=True)
def own_sys_path():
    """Undo what plugin files add to the places that modules are imported from."""
    before = [*sys.path]
    yield
    sys.path[:] = before


@pytest.fixture
def own_activations():
    """Forget the activations that a test adds, at the end and when this is called."""
    from neatfool.cppn import activations

    tables = activations._known, activations._codes, activations._by_code
    before = [{**table} for table in tables]

    def forget() -> None:
        for table, kept in zip(tables, before, strict=True):
            table.clear()
            table.update(kept)

    yield forget
    forget()


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    """Give the file of a small experiment."""
    from commands import write_experiment

    return write_experiment(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def finished(experiment):
    """Give the folder of a finished run, made through the command line, to look at only."""
    from commands import neatfool

    folder = experiment.parent / "finished"
    neatfool("run", experiment, "--out", folder, exit_code=0)
    return folder


@pytest.fixture(scope="session")
def two_runs(experiment):
    """Give a folder with finished runs of two seeds, to look at only."""
    from commands import neatfool

    folder = experiment.parent / "two"
    for seed in (1, 2):
        out = ("--seed", seed, "--out", folder / f"small-{seed}", "--no-report")
        neatfool("run", experiment, *out, exit_code=0)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Give a browser without a window; skip what needs one where there is none."""
    from devtools import BROWSER, Browser

    if BROWSER is None:
        pytest.skip("no browser to look at pages with")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def copy(finished, tmp_path):
    """Give a copy of the finished run, to do anything with."""
    return shutil.copytree(finished, tmp_path / "copy")
