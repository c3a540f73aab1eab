from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool import Budget, BudgetSpent, Ledger, StorageError
from neatfool.run.store import RunStore


@pytest.fixture
def database(tmp_path):
    RunStore.create(tmp_path / "run.db", {}, ("a", "b"), (0, 1)).close()
    return tmp_path / "run.db"


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 60), st.integers(1, 20))
def test_a_budget_is_never_overspent(sizes, queries, requests):
    ledger, sent = Ledger(Budget(queries, requests)), []
    for size in sizes:
        try:
            ledger.debit(size)
        except BudgetSpent:
            assert sum(sent) + size > queries or len(sent) == requests
        else:
            sent.append(size)
    assert (ledger.queries, ledger.requests) == (sum(sent), len(sent))
    assert sum(sent) <= queries
    assert len(sent) <= requests


def test_without_a_budget_there_is_no_limit():
    ledger = Ledger()
    assert [ledger.debit(10**6) for _ in range(3)] == [1, 2, 3]
    assert ledger.queries_left is None


def test_several_threads_do_not_overspend_together():
    ledger = Ledger(Budget(queries=100))

    def spend():
        for _ in range(30):
            try:
                ledger.debit(1)
            except BudgetSpent:
                return

    threads = [Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.queries == 100


def test_what_was_spent_is_known_to_the_next_process(database):
    first = Ledger(Budget(queries=10), database)
    first.debit(8)
    second = Ledger(Budget(queries=10), database)
    assert second.queries_left == 2
    with pytest.raises(BudgetSpent, match=r"8 of 10 queries \(max_queries\) are spent"):
        second.debit(3)


def test_two_processes_do_not_overspend_together(database):
    first, second = (Ledger(Budget(queries=10), database) for _ in range(2))
    first.debit(6)
    with pytest.raises(BudgetSpent):
        second.debit(6)


def test_a_full_disk_is_told_as_that(database, opened):
    ledger = Ledger(None, database)
    (pages,) = opened[-1].execute("PRAGMA page_count").fetchone()
    opened[-1].execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageError, match="the disk is full"):
        ledger.keep({b"image": b"x" * 10**6})


def test_the_number_of_requests_is_a_budget_of_its_own(database):
    ledger = Ledger(Budget(requests=1), database)
    ledger.debit(5)
    with pytest.raises(BudgetSpent, match=r"1 of 1 request \(max_requests\) is spent"):
        ledger.debit(1)


def test_what_became_of_requests_is_counted(database):
    ledger = Ledger(None, database)
    for outcome in ("answered", "429", "answered"):
        ledger.settle(ledger.debit(4), outcome)
    ledger.debit(2)
    ledger.close()
    store = RunStore.open(database)
    assert store.requests() == {"answered": (2, 8), "429": (1, 4), "unknown": (1, 2)}
    store.close()


def test_answers_are_kept_for_the_next_process(database):
    Ledger(None, database).keep({b"a": b"first"})
    ledger = Ledger(None, database)
    assert ledger.answers([b"a", b"b"]) == {b"a": b"first"}
    ledger.forget([b"a"])
    assert ledger.answers([b"a", b"b"]) == {}


def test_any_number_of_answers_is_read(database, opened):
    ledger = Ledger(None, database)
    opened[-1].setlimit(SQLITE_LIMIT_VARIABLE_NUMBER, 10)
    answers = {bytes([number]): b"%d" % number for number in range(35)}
    ledger.keep(answers)
    assert ledger.answers(answers) == answers


def test_a_power_cut_loses_no_debit(database, opened):
    ledger = Ledger(None, database)
    ledger.keep({b"a": b"first"})
    ledger.debit(1)
    (synchronous,) = opened[-1].execute("PRAGMA synchronous").fetchone()
    assert synchronous == 2, "FULL"


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30))
def test_what_was_taken_back_is_not_spent(requests):
    ledger = Ledger()
    for images, sent in requests:
        number = ledger.debit(images)
        if sent:
            ledger.settle(number, "answered")
        else:
            ledger.take_back(number)
    kept = [images for images, sent in requests if sent]
    assert (ledger.requests, ledger.queries) == (len(kept), sum(kept))
    assert ledger.debits == len(requests)


def test_what_was_taken_back_is_so_for_the_next_process_and_what_was_not_counts(database):
    killed = Ledger(None, database)
    killed.debit(2)
    killed.take_back(killed.debit(3))
    killed.debit(5)
    after = Ledger(Budget(queries=7), database)
    assert (after.requests, after.queries, after.queries_left) == (2, 7, 0)
    assert not after.overspent()


def test_two_processes_know_what_the_other_took_back(database):
    first, second = (Ledger(Budget(queries=10), database) for _ in range(2))
    number = first.debit(6)
    second.debit(4)
    first.take_back(number)
    second.debit(6)
    assert second.queries == 10
    with pytest.raises(BudgetSpent):
        first.debit(1)
