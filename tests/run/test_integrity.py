"""A run's digests follow its changes, and only its user can seal them."""

import sqlite3
from contextlib import closing

import pytest

from neatfool import Budget, Ledger, RunError
from neatfool.run.sqlite import connect_to_write, is_whole, transaction
from neatfool.run.store import RunStore


@pytest.fixture
def folder(tmp_path):
    info = {"name": "made-up", "seed": 1}
    RunStore.create(tmp_path / "run.db", info, ("a", "b"), (0, 1)).close()
    return tmp_path


def is_own(folder):
    with closing(RunStore.open(folder / "run.db")) as store:
        return store.is_own()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO elite VALUES (0, 1, 0.5, -0.0)",
        "INSERT INTO elite VALUES (0, 1, 1, 2), (1, 1, 1e-300, 9e300)",
        "INSERT OR REPLACE INTO class VALUES (1, 'c', 0)",
        "UPDATE class SET name = 'c'",
        "UPDATE OR REPLACE class SET number = 1",
        "DELETE FROM class",
        "INSERT INTO image VALUES (1, zeroblob(70000), NULL, NULL)",
        "INSERT OR IGNORE INTO class VALUES (1, 'c', 0)",
    ],
)
def test_digests_follow_whatever_neatfool_writes(folder, sql):
    with closing(connect_to_write(folder / "run.db")) as connection, transaction(connection):
        connection.execute(sql)
    assert is_own(folder)


def test_what_is_rolled_back_leaves_the_digests_as_they_were(folder):
    with closing(connect_to_write(folder / "run.db")) as connection:
        with pytest.raises(sqlite3.Error), transaction(connection):
            connection.execute("INSERT INTO class VALUES (5, 'new', 0), (0, 'there', 0)")
        with transaction(connection):
            connection.execute("DELETE FROM class WHERE number = 1")
    assert is_own(folder)


def test_the_ledger_and_the_run_carry_on_the_same_digests(folder):
    ledger = Ledger(Budget(10), folder / "run.db")
    store = RunStore.open(folder / "run.db", write=True)
    first, second = ledger.debit(2), ledger.debit(3)
    store.keep("ended_after", 3)
    ledger.settle(first, "answered")
    ledger.keep({b"image": b"scores", b"other": b""})
    ledger.take_back(second)
    ledger.forget([b"other"])
    store.keep("ended_after", 4)
    ledger.close()
    store.close()
    assert is_own(folder)


def test_a_row_that_something_else_added_is_a_change(folder):
    with closing(sqlite3.connect(folder / "run.db")) as database, database:
        database.execute("INSERT INTO request VALUES (1, 2, NULL)")
    with (
        closing(RunStore.open(folder / "run.db")) as store,
        pytest.raises(RunError, match="rows of its tables changed"),
    ):
        store.check()


def test_another_user_cannot_renew_the_seal(folder, tmp_path, monkeypatch):
    with monkeypatch.context() as other:
        other.setenv("NEATFOOL_CONFIG", str(tmp_path / "other"))
        with closing(RunStore.open(folder / "run.db", write=True)) as store:
            store.keep("ended_after", 1)
        assert not is_own(folder)
    assert not is_own(folder)


def test_a_run_is_read_once_until_somebody_writes_to_it(folder, monkeypatch):
    found = []

    def find(database):
        found.append(is_whole(database))
        return found[-1]

    monkeypatch.setattr("neatfool.run.store.is_whole", find)
    with closing(RunStore.open(folder / "run.db")) as store:
        assert store.is_own()
        store.check()
        assert found == [True]
        with closing(sqlite3.connect(folder / "run.db")) as database, database:
            database.execute("INSERT INTO request VALUES (1, 2, NULL)")
        with pytest.raises(RunError, match="rows of its tables changed"):
            store.check()
