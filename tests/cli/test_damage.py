"""A damaged database ends in words and exit code 5, and verify finds what changed."""

import os
import shutil
import sqlite3
import zlib
from contextlib import closing
from itertools import count, islice

import pytest
from commands import neatfool
from damage import damage, flip, forge
from paid import PaidToy, paid_assembly
from searches import Silence

from neatfool import RunError, open_run
from neatfool.evolution.session import start
from neatfool.run.schema import FORMAT, LONGEST_GENOME, TABLES, columns
from neatfool.run.store import RunStore

COMMANDS = {"show": (), "report": (), "verify": (), "resume": ("--generations", 13, "--no-report")}


def try_all(folder, copy, data, commands=tuple(COMMANDS)):
    """Call commands on a copy of a run with another database; give their exit codes."""
    codes = {}
    for command in commands:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        (copy / "run.db").write_bytes(data)
        result = neatfool(command, copy, *COMMANDS.get(command, ()))
        assert result.exit_code in {0, 5}, (command, result.output)
        assert "bug" not in result.output
        assert result.exit_code == 0 or "error: " in result.stderr
        codes[command] = result.exit_code
    return codes


def is_changed(copy, data, good):
    """Say whether a database has other content, or none that can be read."""
    (copy / "run.db").write_bytes(data)
    try:
        return everything(copy) != good
    except (sqlite3.Error, UnicodeDecodeError):
        return True


def everything(folder):
    """Read all rows of all tables, those too that differ between equal runs."""
    with closing(sqlite3.connect(folder / "run.db")) as database:
        return [database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]


def trial(folder, copy, seeds, commands, *, make=damage):
    """Damage a database again and again, and see what the commands say of it."""
    whole, good = (folder / "run.db").read_bytes(), everything(folder)
    for seed in seeds:
        data = make(whole, seed)
        codes = try_all(folder, copy, data, commands)
        if is_changed(copy, data, good):
            assert codes.get("verify", 5) == 5, f"seed {seed}: verify does not see it"


def telling_flips(folder, copy):
    """Go through the seeds of the flips that change what is recorded."""
    copy.mkdir()
    whole, good = (folder / "run.db").read_bytes(), everything(folder)
    return (seed for seed in count() if is_changed(copy, flip(whole, seed), good))


def test_a_damaged_run_is_said_to_be_damaged(finished, tmp_path):
    for number, command in enumerate(COMMANDS):
        trial(finished, tmp_path / "copy", [number, 10 + number], [command])


def test_a_run_whose_last_bytes_are_missing_is_said_to_be_cut_off(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    os.truncate(copy / "run.db", (copy / "run.db").stat().st_size - 1)
    result = neatfool("show", copy, exit_code=5)
    assert "the database is damaged (its end is cut off)" in result.output


def test_what_is_missing_of_a_run_is_read_from_its_log(finished, tmp_path):
    whole, copy = (shutil.copytree(finished, tmp_path / name) for name in ("whole", "copy"))
    with closing(sqlite3.connect(whole / "run.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("VACUUM")  # writes each page to the log
        for file in whole.glob("run.db*"):
            shutil.copy(file, copy)
    os.truncate(copy / "run.db", (copy / "run.db").stat().st_size - 1)
    neatfool("verify", copy, exit_code=0)


def test_a_bit_that_flipped_is_found(finished, tmp_path):
    seeds = islice(telling_flips(finished, tmp_path / "flipped"), 6)
    trial(finished, tmp_path / "copy", seeds, ["verify"], make=flip)


@pytest.mark.slow
def test_a_hundred_damages_end_in_words(finished, tmp_path):
    trial(finished, tmp_path / "copy", range(105), COMMANDS)


@pytest.fixture(scope="module")
def paid(tmp_path_factory):
    """Give a run that has rows in all tables."""
    folder = tmp_path_factory.mktemp("paid") / "run"
    start(paid_assembly(PaidToy()), folder).go(Silence())
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_a_change_to_any_value_is_found(paid, tmp_path, table):
    with closing(RunStore.open(paid / "run.db")) as store:
        assert store.is_own()
    for column in columns(table).keys() - {"only"}:
        copy = shutil.copytree(paid, tmp_path / column)
        kind = "BLOB" if column in {"png", "image", "scores", "genome"} else "TEXT"
        change(
            copy,
            f"UPDATE {table} SET {column} = CAST(coalesce({column}, 1) || '9999' AS {kind}) "
            f"WHERE {column} IS (SELECT min({column}) FROM {table})",
        )
        assert_changed(copy)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("which", ["min", "max"])
def test_a_row_that_is_missing_is_found(paid, tmp_path, table, which):
    copy = shutil.copytree(paid, tmp_path / "copy")
    key = next(iter(columns(table)))
    change(copy, f"DELETE FROM {table} WHERE {key} = (SELECT {which}({key}) FROM {table})")
    assert_changed(copy)


def change(folder, sql):
    """Change a database as a stranger would, who has sqlite3."""
    with closing(sqlite3.connect(folder / "run.db")) as database, database:
        assert database.execute(sql).rowcount


def assert_changed(folder):
    with (
        closing(RunStore.open(folder / "run.db")) as store,
        pytest.raises(RunError, match="rows of its tables changed, or are missing"),
    ):
        store.check()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM elite WHERE class = 0",
        "DELETE FROM generation WHERE number = (SELECT max(number) FROM generation)",
        "DELETE FROM parent",
        "DELETE FROM replacement WHERE number % 2",
        "DELETE FROM candidate WHERE generation = 0",
        "PRAGMA user_version = 3",
    ],
)
def test_deletions_end_in_words_and_verify_and_resume_see_them(finished, tmp_path, sql):
    copy = shutil.copytree(finished, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute(sql)
    data = (copy / "run.db").read_bytes()
    codes = try_all(finished, copy, data, [*COMMANDS, "ancestry", "compare"])
    assert (codes["verify"], codes["resume"]) == (5, 5)


FORGERIES = [
    *(
        f"UPDATE OR REPLACE {table} SET {column} = {value}"
        for table in ("class", "candidate", "parent", "elite", "image", "replacement", "generation")
        for place, column in enumerate(columns(table))
        for value in ("'x'", "9223372036854775807")
        if place or value != "'x'"
    ),
    *(
        f"UPDATE info SET value = '{value}' WHERE key = '{key}'"
        for key in ("name", "seed", "experiment", "identity", "text", "spec", "scoring", "target")
        for value in ('"x"', "7", "[]", "{}", '{"a": 1}', '{"target": 7}', "null", "[[[")
    ),
    *(f"UPDATE state SET value = '{value}'" for value in ('"x"', "{}", '{"scheme": 7}', "null")),
    *(
        f"UPDATE info SET value = json_set(value, '$.{key}', json('{value}')) "
        "WHERE key = 'experiment'"
        for key, value in (
            ("experiment.description", "[]"),
            ("experiment.generations", "{}"),
            ("target.threshold", "[]"),
            ("target.threshold", '{"dark": "x"}'),
            ("views", '{"number": "x"}'),
        )
    ),
    *(
        f"UPDATE info SET value = json_set(value, '$.{key}', json('{value}')) WHERE key = 'spec'"
        for key, value in (("height", "28.5"), ("height", "90000"), ("nothing", "[1]"))
    ),
    "UPDATE info SET value = '\"\\ud800\"' WHERE key = 'name'",
    "UPDATE elite SET rank = 9e999",
    "UPDATE generation SET mean = 9e999",
    "UPDATE class SET searched = 0",
    "UPDATE OR IGNORE parent SET parent = candidate",
    "UPDATE OR IGNORE parent SET parent = candidate + 1",
    "INSERT OR REPLACE INTO parent SELECT parent, 0, candidate FROM parent",
    "UPDATE image SET top = '[[99999, 0.5]]'",
    "UPDATE image SET top = '{}'",
    "UPDATE image SET top = '[[1e999, 0.5]]'",
    "DELETE FROM info",
    "DELETE FROM class",
    "DELETE FROM image",
    "DELETE FROM state",
]
"""What somebody may write who makes the digests right again."""


@pytest.mark.slow
@pytest.mark.parametrize("sql", FORGERIES)
def test_a_forged_record_ends_in_words(finished, tmp_path, sql):
    copy = shutil.copytree(finished, tmp_path / "copy")
    forge(copy, sql)
    for command in ("show", "report", "ancestry", "compare", "graph"):
        arguments = ("c",) if command == "graph" else ()
        result = neatfool(command, copy, *arguments)
        assert result.exit_code in {0, 2, 5}, (command, result.output)
        assert "bug" not in result.output, (command, result.output)
    for command in ("verify", "resume"):
        result = neatfool(command, copy, "--trust", *COMMANDS[command])
        assert result.exit_code in {0, 3, 5, 7}, (command, result.output)
        assert "bug" not in result.output, (command, result.output)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE info SET value = CAST(x'ff' AS TEXT)", "a text is not UTF-8"),
        (
            "ALTER TABLE generation RENAME COLUMN number TO figure",
            "its tables are not those of a run: generation",
        ),
        (
            "CREATE TRIGGER more AFTER INSERT ON elite BEGIN DELETE FROM class; END",
            "its tables are not those of a run: more",
        ),
        (
            "CREATE VIEW info AS SELECT 1",
            "its tables are not those of a run: info",
        ),
    ],
)
def test_damage_is_told_in_other_words_than_those_of_sqlite(finished, tmp_path, change, words):
    copy = shutil.copytree(finished, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        if "VIEW" in change:
            database.execute("DROP TABLE info")
        database.execute(change)
    with pytest.raises(RunError, match=rf"the database is damaged \({words}\); restore a copy"):
        open_run(copy).summary()


def test_a_genome_that_grows_without_end_is_damage(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    bomb = zlib.compress(bytes(LONGEST_GENOME + 1)).hex()
    forge(copy, f"UPDATE candidate SET genome = x'{bomb}'")
    with pytest.raises(RunError, match=r"has more than [\d,]+ characters"):
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


def test_a_run_of_another_format_is_left_to_its_version(finished, tmp_path):
    for other in (3, FORMAT + 1):
        copy = shutil.copytree(finished, tmp_path / str(other))
        with closing(sqlite3.connect(copy / "run.db")) as database:
            database.execute(f"PRAGMA user_version = {other}")
        for command in ("show", "resume"):
            result = neatfool(command, copy, exit_code=5)
            assert f"has run format {other}, and not " in result.stderr
