"""A run's folder may be a stranger's: nothing is written through links in it."""

import shutil
import sqlite3
import struct

import pytest
from commands import neatfool, run_small


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Give the folder of an experiment, whose run is in ``run``."""
    folder = tmp_path_factory.mktemp("stranger")
    run_small(folder)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """Give a copy of the run, to put links into."""
    shutil.copytree(finished, tmp_path / "stranger")
    return tmp_path / "stranger" / "run"


@pytest.fixture
def home(tmp_path):
    """Give a folder with files of the user's; at the end all of it must be as it was."""
    folder = tmp_path / "home"
    (folder / "empty").mkdir(parents=True)
    (folder / "empty.txt").touch()
    (folder / "diary.txt").write_text("keep me\n")
    (folder / "0-dark.png").write_text("keep me\n")
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder):
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


def put_link(place, to):
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(to)


@pytest.mark.parametrize("name", ["report.html", ".report.html.partial"])
@pytest.mark.parametrize("to", ["diary.txt", "missing.txt"])
def test_the_report_is_written_in_place_of_a_link(run, home, name, to):
    put_link(run / name, home / to)
    assert neatfool("report", run).exit_code == 0
    assert not (run / "report.html").is_symlink()


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("images", ""),
        ("images", "empty"),
        ("images", "missing"),
        (".lock", "diary.txt"),
        (".lock", "missing.txt"),
        ("run.db", "diary.txt"),
        ("run.db", "empty.txt"),
    ],
)
def test_a_run_does_not_go_on_through_a_link(run, home, name, to):
    put_link(run / name, home / to)
    result = neatfool("resume", run, "--generations", 12, exit_code=6)
    assert f"{run / name}: is a link" in result.stderr
    assert "delete it" in result.stderr


def test_a_run_does_not_go_on_in_a_linked_database(run, tmp_path):
    other = tmp_path / "other.db"
    shutil.move(run / "run.db", other)
    before = other.read_bytes()
    put_link(run / "run.db", other)
    assert neatfool("resume", run, "--generations", 12).exit_code == 6
    assert other.read_bytes() == before


@pytest.mark.parametrize("ending", ["journal", "wal", "shm"])
def test_the_logs_of_a_database_are_no_links(run, home, ending):
    put_link(run / f"run.db-{ending}", home / "diary.txt")
    assert neatfool("resume", run, "--generations", 12).exit_code == 6


def leave_a_journal(run, tmp_path, victim):
    """Leave what a kill leaves of a transaction over several databases, listed in ``victim``."""
    spilt = tmp_path / "spilt"
    shutil.copytree(run, spilt)
    database = sqlite3.connect(spilt / "run.db", isolation_level=None)
    database.executescript("PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE more (text)")
    database.executemany("INSERT INTO more VALUES (?)", [("x" * 200,)] * 3000)
    for name in ("run.db", "run.db-journal"):
        shutil.copy(spilt / name, run)
    database.close()
    journal = (run / "run.db-journal").read_bytes()
    (page,) = struct.unpack(">I", journal[24:28])
    end = struct.pack(">II", len(victim), sum(victim)) + journal[:8]
    place = struct.pack(">I", 2**30 // page + 1)
    (run / "run.db-journal").write_bytes(journal + place + victim + end)


@pytest.mark.parametrize("command", ["show", "verify", "resume", "report"])
def test_a_journal_deletes_no_file_elsewhere(run, home, tmp_path, command):
    leave_a_journal(run, tmp_path, bytes(home / "diary.txt"))
    result = neatfool(command, run, exit_code=5)
    assert "run.db-journal names a file elsewhere" in result.stderr


@pytest.mark.parametrize("to", ["diary.txt", "missing.txt"])
def test_the_experiment_is_not_written_through_a_link(run, home, to):
    put_link(run / "experiment.ini", home / to)
    neatfool("resume", run, "--generations", 12)


def test_a_run_that_is_replaced_takes_links_away(run, home):
    for name in ("images", "run.db.partial", "run.db-wal", "report.html", "experiment.ini"):
        put_link(run / name, home / ("" if name == "images" else "diary.txt"))
    experiment = run.parent / "small.ini"
    neatfool("run", experiment, "--out", run, "--overwrite", exit_code=0)
    assert not [path.name for path in run.rglob("*") if path.is_symlink()]
    assert len([*(run / "images").iterdir()]) == 4


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("gallery", "empty"),
        ("gallery", "missing"),
        ("gallery/page", ""),
        ("gallery/data", ""),
        ("gallery/data", "missing"),
        ("gallery/images", ""),
        ("gallery/images", "missing"),
    ],
)
def test_a_gallery_is_not_written_through_a_link(run, home, name, to):
    assert neatfool("gallery", run).exit_code == 0
    if name.endswith("page"):
        shutil.move(run / name, home.parent / "page")
        put_link(run / name, home.parent / "page")
    else:
        put_link(run / name, home / to)
    result = neatfool("gallery", run, exit_code=6)
    assert f"{run / name}: is a link" in result.stderr


def test_the_scripts_of_a_gallery_replace_links(run, home):
    assert neatfool("gallery", run).exit_code == 0
    put_link(run / "gallery" / "page" / "main.js", home / "diary.txt")
    put_link(run / "gallery" / "index.html", home / "diary.txt")
    assert neatfool("gallery", run).exit_code == 0


def test_an_export_is_not_made_through_a_link(run, home):
    put_link(run / "out", home / "empty")
    result = neatfool("export", run, run / "out", "--no-verify", exit_code=6)
    assert ": is a link" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["graph", "1", "-o"],
        ["graph", "1", "--out"],
        ["render", "1", "--size", "16", "--out"],
        ["survive", "--kinds", "turn", "--sample", "1", "--html"],
        ["ablate", "--sample", "1", "--csv"],
        ["compare", "--html"],
        ["ancestry", "--html"],
    ],
)
def test_a_link_that_the_user_names_is_replaced(run, home, tmp_path, command):
    name, *options = command
    file = tmp_path / ("x.png" if name in {"graph", "render"} else "x.html")
    put_link(file, home / "diary.txt")
    neatfool(name, run, *options, file, exit_code=0)
    assert file.is_file()
    assert not file.is_symlink()


def test_trackers_write_through_no_linked_folder(run, home, caplog):
    pytest.importorskip("tensorboard", reason="pip install 'neatfool[tensorboard]'")
    put_link(run / "tensorboard", home / "empty")
    experiment = run.parent / "small.ini"
    neatfool(
        "run", experiment, "--out", run, "--overwrite", "--set", "plugins.observers=tensorboard"
    )
    assert "tensorboard: is a link" in caplog.text
