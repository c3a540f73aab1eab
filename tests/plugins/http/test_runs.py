"""Target http in whole runs: the same elites whatever goes wrong, and no key anywhere."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from commands import neatfool, neatfool_process
from faulty_server import CLASSES, FaultyServer
from waiting import wait_until

from neatfool import open_run
from neatfool_plugins.http import service
from tests.support.databases import contents

CANARY = "canary-0123456789-abcdef"
EXPERIMENT = """\
[experiment]
name = api
generations = {generations}
seed = 3
[target]
plugin = http
url = {url}
allow_private = true
batch_size = 5
concurrency = 3
{more}
[encoding]
plugin = cppn
[scheme]
plugin = map_elites
batch = 20
"""
MODEL = "model = patches"
TOP_TWO = """\
body = {"requests": [{"image": {"content": "{image}"}}]}
found_at = responses[0].labelAnnotations
labels_at = description
scores_at = score
height = 6
width = 8
channels = 1
"""


def write(folder, server, more=MODEL, path="", generations=8):
    """Write an experiment; give its file."""
    file = folder / "api.ini"
    file.write_text(EXPERIMENT.format(url=server.url + path, more=more, generations=generations))
    return file


def run(file, folder, *more, code=0):
    return neatfool("run", file, "--out", folder, "--no-report", *more, exit_code=code)


@pytest.mark.parametrize(("more", "path"), [(MODEL, ""), (TOP_TWO, "/google")])
def test_a_run_among_failures_finds_what_a_run_without_finds(server, tmp_path, more, path):
    file = write(tmp_path, server, more, path)
    run(file, tmp_path / "calm")
    asked = server.images
    server.rate = 0.2
    run(file, tmp_path / "rough")
    failed = [each.images for each in server.asked if each.fault]
    assert len(failed) > 3
    assert server.images == 2 * asked + sum(failed)
    assert contents(tmp_path / "rough" / "run.db") == contents(tmp_path / "calm" / "run.db")
    assert {elite.name for elite in open_run(tmp_path / "calm")} == {*CLASSES}


def test_a_budget_ends_a_run_which_a_larger_one_goes_on_with(server, tmp_path):
    file = write(tmp_path, server)
    run(file, tmp_path / "whole")
    needed = server.images
    server.seen.clear()
    server.rate = 0.2
    stopped = run(file, tmp_path / "run", "--set", "target.max_queries=60", code=8)
    assert "max_queries" in stopped.output
    assert server.images <= 60
    done = neatfool(
        "resume", tmp_path / "run", "--no-report", "--max-queries", 3 * needed, exit_code=0
    )
    assert "max_queries" not in done.output
    assert needed < server.images <= 3 * needed


@pytest.mark.parametrize("after", [0, 25])
def test_a_service_that_is_down_eats_no_budget_and_pauses_the_run(tmp_path, monkeypatch, after):
    with FaultyServer() as server:
        monkeypatch.setattr(service, "GIVE_UP_AFTER", 0.5)
        more = f"{MODEL}\nmax_queries = 175"
        file = write(tmp_path, server, more)
        run(file, tmp_path / "whole")
    with FaultyServer(port=server.port) as server:
        server.leaves_after = after
        paused = run(file, tmp_path / "run", code=4)
    assert "Paused because the target cannot be reached" in paused.output
    assert "the connection failed" in paused.output
    spent = sum(images for _, images in open_run(tmp_path / "run").requests.values())
    # Three requests may be on their way when it leaves, and are then sent without being seen.
    assert server.images <= spent <= server.images + (15 if after else 0)
    with FaultyServer(port=server.port):
        assert neatfool("resume", tmp_path / "run", "--no-report").exit_code == 0
    assert contents(tmp_path / "run" / "run.db") == contents(tmp_path / "whole" / "run.db")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_interrupt_ends_a_run_whose_service_only_fails(server, tmp_path, number):
    server.rate, server.mix, server.words = 1.0, ("503",), b"\\" * 65_000
    pressed = []

    def press():
        wait_until(lambda: len(server.asked) > 1)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=press)
    thread.start()
    done = run(write(tmp_path, server), tmp_path / "run", code=130)
    thread.join()
    assert time.monotonic() - pressed[0] < 10
    assert "Go on with: neatfool resume" in done.output


def test_a_run_that_recorded_nothing_is_no_success(server, tmp_path):
    server.rate, server.mix = 1.0, ("503",)
    spent = run(write(tmp_path, server), tmp_path / "run", "--set", "target.max_queries=1", code=8)
    assert "1 of 1 query (max_queries) is spent" in spent.output
    assert "1 query in 1 request (1 503)\nNothing is recorded yet." in spent.output


def test_a_budget_below_what_is_spent_is_refused_and_not_kept(server, tmp_path):
    run(write(tmp_path, server), tmp_path / "run", "--set", "target.max_queries=60", code=8)
    for option, spent in (("queries", 60), ("requests", len(server.asked))):
        refused = neatfool("resume", tmp_path / "run", f"--max-{option}", 2, exit_code=2)
        assert f"max_{option} = 2: {spent} {option} are spent already" in refused.output
    target = open_run(tmp_path / "run").experiment["target"]
    assert (target["max_queries"], target["max_requests"]) == (60, None)


def test_what_verifying_may_spend_is_kept(server, tmp_path):
    run(write(tmp_path, server), tmp_path / "run", "--set", "target.max_queries=60", code=8)
    refused = neatfool("verify", tmp_path / "run", exit_code=8)
    assert refused.stderr.endswith("(max_queries) are spent; a larger max_queries allows more\n")
    assert neatfool("verify", tmp_path / "run", "--max-queries", 62).exit_code == 8
    assert open_run(tmp_path / "run").experiment["target"]["max_queries"] == 60
    assert neatfool("verify", tmp_path / "run", "--max-queries", 70).exit_code == 0
    resumed = neatfool("resume", tmp_path / "run", "--no-report")
    assert "70 of 70 queries (max_queries) are spent" in resumed.output


def texts_of(folder):
    """Give all that a run left, as bytes by file."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command_lines(pid):
    """Give the command lines of a process and of those that it began."""
    found = [Path(f"/proc/{pid}/cmdline").read_bytes()]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += command_lines(child)
    return found


@pytest.fixture
def indiscreet(server, monkeypatch):
    """A server that repeats the key wherever it can."""
    monkeypatch.setenv("CANARY_KEY", CANARY)
    server.words = f'{{"error": "no, {CANARY}", "got": "Bearer {CANARY}"}}'.encode()
    server.headers = {"X-Echo": CANARY, "Set-Cookie": f"key={CANARY}"}
    for output in server.metadata["outputs"]:
        output["parameters"]["classes"][2] = f"left {CANARY}"
    server.plan.extend(["503", None, "429", None, "reset"])
    return server


def check_key_is_hidden(folder, server, *texts):
    left = texts_of(folder)
    assert {"run.db", "report.html", "experiment.ini"} <= {path.name for path in left}
    assert not any(CANARY.encode() in text for text in [*left.values(), *texts])
    assert "left [the key]" in left[folder / "report.html"].decode()
    assert {each.headers["Authorization"] for each in server.seen} == {f"Bearer {CANARY}"}


WITH_KEY = f"{MODEL}\napi_key_env = CANARY_KEY"


def test_a_run_leaves_no_key(indiscreet, tmp_path):
    file = write(tmp_path, indiscreet, WITH_KEY, generations=2)
    done = neatfool("--debug", "run", file, "--out", tmp_path / "run", exit_code=0)
    check_key_is_hidden(tmp_path / "run", indiscreet, done.output.encode())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc here")
def test_the_list_of_processes_shows_no_key(indiscreet, tmp_path):
    file = write(tmp_path, indiscreet, WITH_KEY, generations=20)
    process = neatfool_process("--debug", "run", file, "--out", tmp_path / "run")
    lines = []
    while process.poll() is None:
        try:
            lines += command_lines(process.pid)
        except OSError:
            break
        time.sleep(0.02)
    texts = [text.encode() for text in process.communicate()]
    assert process.returncode == 0, texts
    assert len(lines) > 3
    check_key_is_hidden(tmp_path / "run", indiscreet, *lines, *texts)


@pytest.mark.parametrize("fault", ["401", "503"])
def test_a_run_that_fails_does_not_show_the_key_either(server, tmp_path, monkeypatch, fault):
    monkeypatch.setenv("CANARY_KEY", CANARY)
    server.words = f'{{"error": "no, {CANARY}"}}'.encode()
    # It asks for more quiet than a run gives, so that no clock decides what was answered last.
    server.rate, server.mix, server.retry_after = 1.0, (fault,), 3600
    file = write(tmp_path, server, WITH_KEY)
    one = ("--set", "target.concurrency=1")
    done = neatfool("--debug", "run", file, "--out", tmp_path / "run", *one, exit_code=4)
    assert CANARY not in done.output
    assert "[not shown, as the key is in it]" in done.output
    assert not any(CANARY.encode() in text for text in texts_of(tmp_path).values())


def test_validating_asks_nobody(server, tmp_path):
    neatfool("validate", write(tmp_path, server), exit_code=0)
    assert server.seen == []


def test_answers_that_are_now_and_then_unusable_change_nothing(server, tmp_path):
    file = write(tmp_path, server)
    run(file, tmp_path / "calm")
    known = set()

    def null_at_first(said):
        """Say nothing of some images the first time that they are asked about."""
        data = said["outputs"][0]["data"]
        for at in range(0, len(data), len(CLASSES)):
            if data[at] not in known and str(data[at]).endswith("1"):
                known.add(data[at])
                data[at] = None
        return json.dumps(said).encode()

    asked = server.images
    server.answer = null_at_first
    run(file, tmp_path / "rough")
    assert len(known) > 3
    assert 2 * asked < server.images <= 2 * asked + 2 * len(known)
    assert contents(tmp_path / "rough" / "run.db") == contents(tmp_path / "calm" / "run.db")
