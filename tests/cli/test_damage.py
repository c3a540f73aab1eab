"""A damaged database ends in words and exit code 5, and verify finds what changed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from itertools import count, islice

import pytest
from commands import neatfool
from damage import damage, flip
from old_runs import FIRST
from paid import PaidToy, paid_assembly
from searches import Silence

from neatfool import RunError, open_run
from neatfool.evolution.session import start
from neatfool.run.schema import TABLES, UNSEALED, columns
from neatfool.run.store import RunStore, contents

COMMANDS = {"show": (), "report": (), "verify": (), "resume": ("--generations", 13)}


pytestmark = pytest.mark.usefixtures("own_sys_path")


def try_all(folder, copy, data, commands=tuple(COMMANDS)):
    """Call commands on a copy of a run with another database; give their exit codes."""
    codes = {}
    for command in commands:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        (copy / "run.db").write_bytes(data)
        result = neatfool(command, copy, *COMMANDS[command])
        assert result.exit_code in {0, 5}, (command, result.output)
        assert "bug" not in result.output
        assert result.exit_code == 0 or "error: " in result.stderr
        codes[command] = result.exit_code
    return codes


def is_changed(copy, data, good):
    """Say whether a database has other content, or none that can be read."""
    (copy / "run.db").write_bytes(data)
    try:
        return contents(copy / "run.db") != good
    except RunError:
        return True


def trial(folder, copy, seeds, commands, *, make=damage):
    """Damage a database again and again, and see what the commands say of it."""
    whole, good = (folder / "run.db").read_bytes(), contents(folder / "run.db")
    for seed in seeds:
        data = make(whole, seed)
        codes = try_all(folder, copy, data, commands)
        if is_changed(copy, data, good):
            assert codes.get("verify", 5) == 5, f"seed {seed}: verify does not see it"


def telling_flips(folder, copy):
    """Go through the seeds of the flips that change what is recorded."""
    copy.mkdir()
    whole, good = (folder / "run.db").read_bytes(), contents(folder / "run.db")
    return (seed for seed in count() if is_changed(copy, flip(whole, seed), good))


def test_a_damaged_run_is_said_to_be_damaged(finished, tmp_path):
    for number, command in enumerate(COMMANDS):
        trial(finished, tmp_path / "copy", [number, 10 + number], [command])


def test_a_bit_that_flipped_is_found(finished, tmp_path):
    seeds = islice(telling_flips(finished, tmp_path / "flipped"), 6)
    trial(finished, tmp_path / "copy", seeds, ["verify"], make=flip)


@pytest.mark.slow
def test_a_hundred_damages_end_in_words(finished, tmp_path):
    trial(finished, tmp_path / "copy", range(105), COMMANDS)


@pytest.mark.slow
def test_of_sixty_flips_verify_finds_all(finished, tmp_path):
    seeds = islice(telling_flips(finished, tmp_path / "flipped"), 60)
    trial(finished, tmp_path / "copy", seeds, COMMANDS, make=flip)


@pytest.mark.slow
def test_a_damaged_run_of_the_first_version_ends_in_words(tmp_path):
    whole = (FIRST / "run.db").read_bytes()
    for seed in range(60):
        try_all(FIRST, tmp_path / "copy", (damage if seed % 3 else flip)(whole, seed))


@pytest.fixture(scope="module")
def paid(tmp_path_factory):
    """Give a run that has rows in all tables."""
    folder = tmp_path_factory.mktemp("paid") / "run"
    start(paid_assembly(PaidToy()), folder).go(Silence())
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_a_change_to_any_value_is_found(paid, tmp_path, table):
    with closing(RunStore.open(paid / "run.db")) as store:
        store.check()
    for column in columns(table).keys() - UNSEALED - {"only"}:
        copy = shutil.copytree(paid, tmp_path / column)
        with closing(sqlite3.connect(copy / "run.db")) as database, database:
            kind = "BLOB" if column in {"png", "image", "scores", "genome"} else "TEXT"
        with closing(sqlite3.connect(copy / "run.db")) as database, database:
            database.execute(
                f"UPDATE {table} SET {column} = CAST(coalesce({column}, 1) || '9999' AS {kind}) "
                f"WHERE {column} IS (SELECT min({column}) FROM {table})"
            )
        with (
            closing(RunStore.open(copy / "run.db")) as store,
            pytest.raises(RunError, match=rf"rows? of table {table} changed"),
        ):
            store.check()


def test_resume_looks_at_what_it_goes_on_from(finished, tmp_path):
    for table in ("info", "class", "elite", "candidate", "parent", "state", "generation", "image"):
        copy = shutil.copytree(finished, tmp_path / table)
        with closing(sqlite3.connect(copy / "run.db")) as database, database:
            database.execute(f"UPDATE {table} SET checksum = checksum + 1")
        result = neatfool("resume", copy)
        assert result.exit_code == 5, table
        assert f"a row of table {table} changed" in result.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE info SET value = CAST(x'ff' AS TEXT)", "a row cannot be read"),
        ("ALTER TABLE generation RENAME COLUMN number TO figure", "a column is missing"),
        ("ALTER TABLE request RENAME TO asked", "a table is missing"),
    ],
)
def test_damage_is_told_in_other_words_than_those_of_sqlite(finished, tmp_path, change, words):
    copy = shutil.copytree(finished, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute(change)
    with pytest.raises(RunError, match=rf"the database is damaged \({words}\); restore a copy"):
        open_run(copy).summary()


def test_what_is_missing_is_said_to_be_missing(finished, tmp_path):
    for table, words in [
        ("info", "is missing"),
        ("candidate", "candidate \\d+ is missing"),
        ("class", "class \\d+ is missing"),
    ]:
        copy = shutil.copytree(finished, tmp_path / table)
        with closing(sqlite3.connect(copy / "run.db")) as database, database:
            database.execute(f"DELETE FROM {table}")
        with pytest.raises(RunError, match=words):
            open_run(copy).summary()
