"""Target http: what goes wrong, what is tried again, and when it ends."""

import errno
import json
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from faulty_server import MIXED, bomb, logits_of
from http_targets import open_target, random_images
from waiting import wait_until

from neatfool import Budget, BudgetSpent, Ledger, TargetError, TargetUnavailable
from neatfool_plugins.http import service

IN_TIME = 3.0
"""Seconds within which all ends here that must not wait for the server, which takes 20."""


@pytest.mark.parametrize("fault", [*MIXED, "425", "502", "504"])
def test_what_may_be_better_the_next_time_is_tried_again(server, fault):
    images = random_images(3)
    server.plan.extend([fault, fault])
    with open_target(server) as target:
        scores = target.score(images)
    assert scores.ok.all()
    assert np.array_equal(scores.logits, logits_of(images))
    assert [each.fault for each in server.asked] == [fault, fault, None]


@pytest.mark.parametrize("fault", ["hang", "trickle", "slow header"])
def test_a_request_ends_at_its_time_out_however_the_answer_drags_on(server, fault):
    server.plan.append(fault)
    began = time.monotonic()
    with open_target(server, timeout=0.3) as target:
        assert target.score(random_images(1)).ok.all()
    assert 0.3 <= time.monotonic() - began < IN_TIME
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "fault",
    [
        *("503", "hang", "trickle", "reset", "truncated", "cut chunks", "cut without length"),
        *("no json", "empty"),
    ],
)
def test_a_service_that_stays_away_makes_the_run_pause_in_time(server, fault):
    server.rate, server.mix = 1.0, (fault,)
    began = time.monotonic()
    with (
        open_target(server, timeout=0.2, give_up_after=0.5) as target,
        pytest.raises(TargetUnavailable, match="did not answer in time"),
    ):
        target.score(random_images(1))
    assert time.monotonic() - began < IN_TIME
    assert len(server.asked) > 1


def test_a_server_that_is_not_there_makes_the_run_pause_soon(server, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(service, "FIRST_CONTACT", 0.3)
    began = time.monotonic()
    with pytest.raises(TargetUnavailable, match="the connection failed"):
        open_target(server, url=url).__enter__()
    assert time.monotonic() - began < IN_TIME, "it may be a typing error"


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "422"])
def test_what_the_service_does_not_want_is_not_sent_again(server, status):
    server.plan.append(status)
    with (
        open_target(server) as target,
        pytest.raises(TargetError, match=rf"answered {status}: .*this is a test") as caught,
    ):
        target.score(random_images(1))
    assert not isinstance(caught.value, TargetUnavailable)
    assert len(server.asked) == 1


def test_the_services_words_are_shortened_and_escaped(server):
    server.answer = lambda _: b"\x1b[31m" + "é\u202e".encode() + b"\n\n" + b"long " * 200
    with open_target(server, give_up_after=0.4) as target, pytest.raises(TargetError) as caught:
        target.score(random_images(1))
    said = str(caught.value)
    assert said.isprintable()
    assert r"\x1b[31mé\u202e long long" in said
    assert len(said) < 600


def test_a_retry_after_beyond_the_deadline_makes_the_run_pause_at_once(server):
    server.plan.append("429")
    server.retry_after = 3600
    began = time.monotonic()
    with (
        open_target(server, give_up_after=60) as target,
        pytest.raises(TargetUnavailable, match="asks for 3600 s of quiet"),
    ):
        target.score(random_images(1))
    assert time.monotonic() - began < IN_TIME
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", ["huge", "bomb"])
def test_an_answer_beyond_8_mib_is_refused_and_not_asked_for_again(server, fault):
    server.plan.append(fault)
    with open_target(server) as target:
        scores = target.score(random_images(3))
    assert not scores.ok.any()
    assert len(server.asked) == 1


def test_a_bomb_is_not_held_in_memory(server):
    bomb()
    server.plan.append("bomb")
    with open_target(server) as target:
        tracemalloc.start()
        try:
            target.score(random_images(1))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 40 * 2**20


def outputs(change):
    """Change what is said of the probabilities of the second image."""

    def made(said):
        for output in said["outputs"]:
            if output["name"] == "probabilities":
                change(output)
        return json.dumps(said).encode()

    return made


@pytest.mark.parametrize(
    "value", [None, float("nan"), float("inf"), -float("inf"), 1.5, -0.5, 10**400]
)
def test_an_image_whose_scores_are_no_numbers_is_refused_alone(server, value):
    server.answer = outputs(lambda output: output["data"].__setitem__(5, value))
    with open_target(server) as target:
        scores = target.score(random_images(3))
    assert scores.ok.tolist() == [True, False, True]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda output: output.update(data=output["data"][:-1]),
        lambda output: output.update(data=None),
        lambda output: output.update(data="probabilities"),
        lambda output: output.update(data=[str(each) for each in output["data"]]),
        lambda output: output.update(data=[True] * 12),
        lambda output: output.update(shape=[12, 1]),
        lambda output: output.update(shape=[4, 3]),
        lambda output: output.update(shape=None),
        lambda output: output.update(name="scores"),
        *(b"null", b"[]", b"{}", b"3", b'"text"', b"[" * 100_000),
    ],
)
def test_an_answer_of_the_wrong_form_is_refused_as_a_whole(server, change):
    server.answer = outputs(change) if callable(change) else lambda _: change
    with open_target(server) as target:
        scores = target.score(random_images(3))
    assert scores.ok.tolist() == [False, False, False]
    assert len(server.asked) == 1


def test_each_request_is_debited_before_it_is_sent_and_settled_after(server, monkeypatch):
    ledger = Ledger()
    seen, settled = [], []
    monkeypatch.setattr(ledger, "settle", lambda *what: settled.append(what))
    server.answer = lambda said: seen.append(ledger.queries) or json.dumps(said).encode()
    server.plan.extend(["429", "reset"])
    with open_target(server) as target:
        target.meter(ledger)
        target.score(random_images(5))
        server.plan.append("huge")
        target.score(random_images(2))
    assert seen == [15]
    assert (ledger.requests, ledger.queries) == (4, 17)
    assert settled == [
        (1, "429"),
        (2, "broken off"),
        (3, "answered"),
        (4, "unusable: more than 8 MiB"),
    ]


def test_a_budget_that_ends_among_retries_is_not_overspent(server):
    server.rate = 1.0
    with open_target(server) as target:
        target.meter(Ledger(Budget(queries=10)))
        with pytest.raises(BudgetSpent):
            target.score(random_images(3))
    assert server.images == 9


def test_what_was_never_connected_costs_nothing(server):
    server.leaves_after = 0
    ledger = Ledger(Budget(queries=5))
    with open_target(server, give_up_after=0.3) as target:
        target.meter(ledger)
        with pytest.raises(TargetUnavailable, match="the connection failed"):
            target.score(random_images(5))
    assert (ledger.requests, ledger.queries) == (0, 0)
    assert ledger.debits > 1


def test_what_is_asked_without_images_costs_nothing(server):
    ledger = Ledger(Budget(queries=0))
    with open_target(server) as target:
        target.meter(ledger)
    assert ledger.requests == 0
    assert [each.path for each in server.seen] == ["/v2/models/patches", "/v2"]


@pytest.mark.parametrize("fault", ["hang", "trickle", "slow header", "503"])
@pytest.mark.parametrize("place", ["server", "encrypted"])
def test_closing_ends_what_is_under_way_at_once(request, place, fault):
    server = request.getfixturevalue(place)
    server.plan.append(fault)
    server.retry_after = 50
    with open_target(server, ca_file=server.authority) as target, ThreadPoolExecutor() as threads:
        asked = threads.submit(target.score, random_images(1))
        wait_until(lambda: server.asked)
        time.sleep(0.2)
        target.close()
        with pytest.raises(TargetUnavailable, match="closed while"):
            asked.result(0.5)


def test_closing_does_not_wait_for_an_answer_to_be_read(server, monkeypatch):
    reading, go_on = threading.Event(), threading.Event()
    with open_target(server) as target:
        monkeypatch.setattr(
            target._protocol, "read_answer", lambda *_: reading.set() or go_on.wait(IN_TIME)
        )
        with ThreadPoolExecutor() as threads:
            asked = threads.submit(target.score, random_images(1))
            reading.wait(IN_TIME)
            target.close()
            with pytest.raises(TargetUnavailable, match="closed while"):
                asked.result(IN_TIME)
            assert not go_on.is_set()
            go_on.set()


def test_words_that_cannot_be_unescaped_are_not_shown(server, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", "canary-0123")
    server.words = b"&#" + b"9" * 5000
    server.plan.append("401")
    with (
        open_target(server, api_key_env="CANARY_KEY") as target,
        pytest.raises(TargetError, match=r"answered 401: \[not shown"),
    ):
        target.score(random_images(1))


def test_closing_ends_all_threads_whenever_it_comes(server):
    def score_until_closed(target):
        with suppress(TargetUnavailable):
            while True:
                target.score(random_images(1))

    for pause in range(8):
        with open_target(server) as target:
            how = [(score_until_closed, (target,))] * 4 + [(target.close, ())] * 2
            threads = [threading.Thread(target=go, args=args, daemon=True) for go, args in how]
            for thread in threads[:4]:
                thread.start()
            time.sleep(pause / 200)
            for thread in threads[4:]:
                thread.start()
            for thread in threads:
                thread.join(IN_TIME)
            assert not any(thread.is_alive() for thread in threads)


def test_requests_are_spread_over_time_whichever_thread_sends_them(server):
    with open_target(server, requests_per_second=20) as target:
        threads = [
            threading.Thread(target=target.score, args=(random_images(1),)) for _ in range(6)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(each.time for each in server.asked) - began >= 5 / 20


def test_a_connection_that_is_reset_at_once_is_tried_again(server, monkeypatch):
    def getpeername(_):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(socket.socket, "getpeername", getpeername)
    with pytest.raises(TargetUnavailable, match=r"the connection failed \(reset at once\)"):
        open_target(server, give_up_after=1).__enter__()


def test_an_answer_of_too_many_values_is_refused(server):
    server.answer = lambda good: json.dumps({**good, "more": [0] * 2**20}).encode()
    with open_target(server) as target:
        assert not target.score(random_images(1)).ok.any()
    assert len(server.asked) == 1


def test_the_same_scores_come_of_a_server_that_fails_one_time_in_five(server):
    images = random_images(120)
    server.rate = 0.2
    with open_target(server) as target:
        for at in range(0, 120, 2):
            part = images[at : at + 2]
            scores = target.score(part)
            assert scores.ok.all()
            assert np.array_equal(scores.logits, logits_of(part))
    failed = [each.fault for each in server.asked if each.fault]
    assert len(server.asked) == 60 + len(failed)
    assert len(failed) > 5
