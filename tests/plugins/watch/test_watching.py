"""The commands, and a run that is watched while it goes on."""

from __future__ import annotations

import re
import threading

import pytest
from commands import neatfool, write_experiment
from waiting import wait_until
from watching import events, search

from neatfool import server
from neatfool.run.folder import DATABASE
from neatfool.testing import check_plugin
from neatfool_plugins.watch import observer
from tests.support.databases import contents

pytestmark = pytest.mark.usefixtures("own_sys_path")


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
