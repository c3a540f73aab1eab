"""Who may see the page, and what it does to the run's folder."""

import re
import shutil
import threading
from hashlib import sha256
from urllib.parse import quote

import pytest
from commands import neatfool, write_experiment
from waiting import wait_until
from watching import ask, events, search, served

from neatfool import open_run, server
from neatfool.run.folder import DATABASE
from neatfool.testing import check_plugin
from neatfool_plugins.watch import observer
from tests.support.databases import contents


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    search(write_experiment(folder), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def address(finished):
    with served(finished) as address:
        yield address


def test_the_token_is_needed_everywhere(address):
    for place in ("", "watch.js", "events", "0/0.png"):
        assert ask(address.replace("secret", "guess") + place)[0] == 403
    assert ask(address.removesuffix("secret/"))[0] == 403
    status, page = ask(address)
    assert (status, page[:15]) == (200, b"<!doctype html>")


def test_images_are_those_of_the_elites(address, finished):
    elite = open_run(finished)[1]
    assert ask(f"{address}0/1.png") == (200, elite.png)
    assert ask(f"{address}0/99.png")[0] == 404
    assert ask(f"{address}7/1.png")[0] == 404
    assert ask(f"{address}../../etc/passwd")[0] in {403, 404}


@pytest.mark.parametrize("number", ["7" * 5000, "7" * 4000, "7" * 30, "-1", "\u0663", ""])
def test_a_number_that_nothing_has_is_not_found(address, number):
    number = quote(number)
    assert ask(f"{address}0/{number}.png")[0] == 404
    assert ask(f"{address}{number}/0.png")[0] == 404


def test_a_run_that_begins_later_is_shown(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "first")
    with served(tmp_path) as address:
        coming = events(address)
        assert next(coming)[1]["run"] == 0
        shutil.copytree(finished, tmp_path / "a later one")
        later = next(event for _, event in coming if event["run"] == 1)
        assert later["news"]["about"]["path"] == str(tmp_path / "a later one")
        assert ask(f"{address}1/1.png")[0] == 200


def fingerprint(folder):
    return {
        str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_watching_writes_nothing(finished):
    before = fingerprint(finished)
    other = shutil.copytree(finished, finished.with_name("other"))
    with served(finished, other) as address:
        first, second = (news for _, news in zip(range(2), events(address), strict=False))
        assert [first[1]["run"], second[1]["run"]] == [0, 1]
        ask(f"{address}1/2.png")
    assert fingerprint(finished) == before


def test_an_open_page_is_told_of_the_end(finished):
    with served(finished) as address:
        coming = events(address)
        next(coming)
    assert [name for name, _ in coming][-1] == "end"


def test_a_run_that_is_watched_tells_its_end_and_records_the_same(tmp_path, capsys):
    file = write_experiment(tmp_path)
    search(file, tmp_path / "alone")
    told = []

    def listen(address: str) -> None:
        told.extend(event["news"]["state"] for _, event in events(address) if "news" in event)

    def look(run) -> None:
        if run.generation == 2:
            (address,) = re.findall(r"Watch it at (\S+)", capsys.readouterr().out)
            told.append(threading.Thread(target=listen, args=(address,)))
            told[0].start()

    outcome = search(file, tmp_path / "watched", look, watch=True)
    told[0].join(20)
    assert (outcome.reason, told[-1]["outcome"]) == ("finished", "finished")
    assert contents(tmp_path / "watched" / DATABASE) == contents(tmp_path / "alone" / DATABASE)
    assert not (tmp_path / "watched" / f"{DATABASE}-wal").exists()


def test_run_with_watch_says_where_and_ends_its_server(tmp_path):
    file = write_experiment(tmp_path)
    result = neatfool("run", file, "--out", tmp_path / "run", "--no-report", "--watch", exit_code=0)
    assert re.search(r"Watch it at http://127\.0\.0\.1:\d+/[\w-]{22}/\n", result.output)
    wait_until(lambda: all(thread.name != "watch" for thread in threading.enumerate()))


def test_several_runs_are_not_watched_by_run(tmp_path):
    result = neatfool("run", write_experiment(tmp_path), "--seeds", "1-2", "--watch", exit_code=2)
    assert "--watch is for one run, and --seeds makes several" in result.output


def test_a_taken_port_is_said_and_the_run_goes_on(tmp_path, caplog):
    with server.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        file = write_experiment(tmp_path)
        result = neatfool("run", file, "--out", tmp_path / "run", "--no-report", "--port", port)
    assert result.exit_code == 0, result.output
    assert f"cannot listen on 127.0.0.1, port {port}" in caplog.text


def test_watch_serves_all_runs_of_a_folder(tmp_path, monkeypatch):
    search(write_experiment(tmp_path), tmp_path / "runs" / "a")
    served = []

    def note(app, socket, on_end) -> None:
        served.append(socket.getsockname()[0])
        socket.close()

    monkeypatch.setattr(server, "run_server", note)
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    neatfool("watch", tmp_path / "runs", exit_code=0)
    assert served == ["127.0.0.1"]
    assert not opened
    result = neatfool("watch", tmp_path / "runs", "--open")
    assert opened == re.findall(r"Watch at (\S+)", result.output)
    neatfool("watch", tmp_path / "nowhere", exit_code=5)


def test_the_observer_keeps_its_contract():
    check_plugin("observer", lambda: observer)
