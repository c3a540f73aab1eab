"""Runs that earlier versions recorded: opened, shown, verified, reported, and gone on with."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from zlib import crc32

import pytest
from commands import neatfool
from old_runs import FIRST

from neatfool import open_run
from neatfool.experiment.experiment import load_experiment
from neatfool.replicates.replicates import plan_replicates
from neatfool.run.images import decode_png
from neatfool.run.schema import FORMAT, LEDGER_SCHEMA, SCHEMA, add_columns, columns, seal
from neatfool.run.sqlite import connect
from neatfool.run.store import contents


@pytest.fixture
def old(tmp_path):
    return shutil.copytree(FIRST, tmp_path / "old")


def forget_statistics(folder, names, table="generation"):
    """Bring a run's statistics back to what a version knew that had not these, checksums too."""
    with closing(connect(folder / "run.db")) as database:
        for name in names:
            database.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        sealed = seal(table, there=columns(table).keys() - {*names})
        database.execute(f"UPDATE {table} SET checksum = {sealed}")


def equal(one, other):
    """Compare databases, for what another machine or library may round otherwise.

    ``info`` is left out: it has versions, and options that there may be more of.
    """
    assert one.keys() == other.keys()
    for table in one.keys() - {"info"}:
        rows, others = one[table], other[table]
        assert len(rows) == len(others), table
        for row, its in zip(rows, others, strict=True):
            assert [*map(loosely, row)] == [*map(pixels, its)], table


def loosely(value):
    return pytest.approx(value, rel=1e-4) if isinstance(value, float) else pixels(value)


def pixels(value):
    """Give the pixels of a PNG, which may be compressed otherwise."""
    return decode_png(value).tolist() if isinstance(value, bytes) else value


def test_an_old_run_is_read_without_a_change_to_it(old):
    before = (old / "run.db").read_bytes()
    run = open_run(old)
    assert (run.generation, run.evaluations, len(run)) == (7, 80, 10)
    assert all(elite.png == elite.file.read_bytes() for elite in run)
    assert run.lineage("3")[-1].generation == 0
    run.close()
    assert neatfool("show", old).exit_code == 0
    assert neatfool("report", old).exit_code == 0
    assert (old / "run.db").read_bytes() == before


def test_verify_says_that_an_old_run_has_no_checksums(old):
    result = neatfool("verify", old)
    assert (result.exit_code, "without checksums" in result.stderr) == (0, True)


def test_an_old_run_ends_as_if_this_version_had_begun_it(old, tmp_path):
    assert neatfool("resume", old, "--no-report").exit_code == 0
    anew = tmp_path / "anew"
    assert neatfool("run", FIRST / "experiment.ini", "--out", anew, "--no-report").exit_code == 0
    with closing(connect(FIRST / "run.db", "ro")) as database:
        known = {row[1] for row in database.execute("PRAGMA table_info(generation)")}
    for folder in (old, anew):
        with closing(sqlite3.connect(folder / "run.db")) as database:
            assert database.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        verified = neatfool("verify", folder)
        assert (verified.exit_code, verified.stderr) == (0, "")
        forget_statistics(folder, columns("generation").keys() - known - {"checksum"})
        forget_statistics(folder, ["top"], "image")
    equal(contents(old / "run.db"), contents(anew / "run.db"))


def test_a_statistic_that_an_old_run_lacks_is_0(old):
    with closing(sqlite3.connect(old / "run.db")) as database:
        database.execute("ALTER TABLE generation DROP COLUMN selection")
    assert {report.stages.selection for report in open_run(old).history} == {0}
    assert neatfool("resume", old, "--no-report").exit_code == 0
    times = [report.stages.selection for report in open_run(old).history]
    assert not any(times[:8])
    assert all(times[8:])
    assert neatfool("verify", old).exit_code == 0


def test_rows_of_fewer_statistics_are_checked_before_and_after_they_get_more(old):
    assert neatfool("resume", old, "--no-report").exit_code == 0
    forget_statistics(old, ["selection"])
    assert neatfool("verify", old).exit_code == 0
    assert {report.stages.selection for report in open_run(old).history} == {0}
    with closing(connect(old / "run.db")) as database:
        database.execute("UPDATE generation SET elites = elites + 1 WHERE number = 3")
        add_columns(database)
    result = neatfool("verify", old)
    assert (result.exit_code, "1 row of table generation changed" in result.stderr) == (
        5,
        True,
    )


def test_winners_are_counted_once_each_and_a_run_of_format_4_has_none(old):
    assert neatfool("resume", old, "--no-report").exit_code == 0
    forget_statistics(old, ["winners"])
    with closing(connect(old / "run.db")) as database:
        database.execute("PRAGMA user_version = 4")
    assert {report.winners for report in open_run(old).history} == {0}
    longer = ("--generations", 16, "--no-report")
    assert neatfool("resume", old, *longer).exit_code == 0
    assert neatfool("verify", old).exit_code == 0
    with closing(connect(old / "run.db")) as database:
        sql = "SELECT generation, count(DISTINCT candidate) FROM replacement GROUP BY 1"
        won = dict(database.execute(sql))
    winners = [report.winners for report in open_run(old).history]
    assert winners == [0] * 12 + [won.get(number, 0) for number in range(12, 16)]
    assert any(winners)


def test_a_run_of_format_5_learns_which_classes_score_highest_as_it_goes_on(old):
    assert neatfool("resume", old, "--no-report").exit_code == 0
    forget_statistics(old, ["top"], "image")
    with closing(connect(old / "run.db")) as database:
        database.execute("PRAGMA user_version = 5")
    assert not any(elite.top for elite in open_run(old))
    assert neatfool("verify", old).exit_code == 0
    assert neatfool("resume", old, "--generations", 16, "--no-report").exit_code == 0
    assert neatfool("verify", old).exit_code == 0
    elites = open_run(old).elites
    known = {elite.name for elite in elites if elite.top}
    assert known == {elite.name for elite in elites if elite.generation >= 12} != set()


def test_genomes_are_compressed_and_those_of_format_6_are_texts(old):
    assert neatfool("resume", old, "--no-report").exit_code == 0
    ours = contents(old / "run.db")
    with closing(connect(old / "run.db")) as database:
        sql = "SELECT sum(length(genome)) FROM candidate WHERE generation >= 8"
        (compressed,) = database.execute(sql).fetchone()
        database.execute("UPDATE candidate SET genome = unpack(genome)")
        database.execute(f"UPDATE candidate SET checksum = {seal('candidate')}")
        database.execute("PRAGMA user_version = 6")
        assert 0 < compressed < database.execute(sql).fetchone()[0] * 0.75
    assert contents(old / "run.db") == ours
    assert neatfool("resume", old, "--generations", 14, "--no-report").exit_code == 0
    assert neatfool("verify", old).exit_code == 0


def test_a_genome_that_cannot_be_unpacked_is_said_to_be_damaged(old):
    assert neatfool("resume", old, "--no-report").exit_code == 0
    with closing(connect(old / "run.db")) as database:
        database.execute("UPDATE candidate SET genome = x'789c00'")
        database.execute(f"UPDATE candidate SET checksum = {seal('candidate')}")
    result = neatfool("show", old)
    assert result.exit_code == 5
    assert "the database is damaged (Error -5 while decompressing" in result.stderr


def test_an_old_run_is_one_of_several_seeds(old, tmp_path):
    experiment = load_experiment(FIRST / "experiment.ini")
    old.rename(tmp_path / f"{experiment.name}-{experiment.general.seed}")
    (planned,) = plan_replicates(experiment, [experiment.general.seed], tmp_path)
    assert planned.state == "unfinished"


def test_a_run_of_a_later_version_is_left_to_it(old):
    with closing(sqlite3.connect(old / "run.db")) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    for command in ("show", "resume"):
        result = neatfool(command, old)
        assert result.exit_code == 5
        assert f"has run format {FORMAT + 1}; this neatfool reads formats 3 to" in result.stderr


def test_tables_that_changed_have_a_format_of_their_own():
    told = "the tables changed: a new FORMAT, a step in MIGRATIONS, and the new number here"
    assert (FORMAT, crc32((SCHEMA + LEDGER_SCHEMA).encode())) == (7, 2898953568), told
