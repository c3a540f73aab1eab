"""``neatfool serve``."""

import re
import signal
import sys
from pathlib import Path

import httpx2
import numpy as np
import pytest
from commands import neatfool, write_experiment
from serving import body_of, in_a_process

IMAGES = np.arange(96, dtype=np.uint8).reshape(2, 1, 6, 8)


@pytest.fixture
def experiment(tmp_path):
    return write_experiment(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Serve the small experiment, to bodies of a mebibyte at most."""
    file = write_experiment(tmp_path_factory.mktemp("served"))
    with in_a_process(file, "--max-body", "1") as process:
        yield process


def test_it_says_what_it_serves_and_how_that_is_fooled(served):
    assert re.fullmatch(
        r"Serving target 'patches' \(\S+patches.py\): 4 classes, grey images of 6x8 pixels; 20 "
        r"images a call\n"
        r"An experiment fools it with\n\n"
        r"    \[target\]\n    plugin = http\n    url = http://127\.0\.0\.1:\d+\n"
        r"    model = small\n    allow_private = true\n\n"
        r"Ctrl-C ends it.\n",
        served.said,
    )


def test_a_body_that_is_too_long_is_told_so(served):
    url = f"{served.url}/v2/models/small/infer"
    headers = {"Content-Type": "application/json"}
    answer = httpx2.post(url, content=b" " * (3 * 2**19), headers=headers)
    assert answer.status_code == 413
    assert "more than 65536 bytes" in answer.json()["error"]


@pytest.mark.parametrize(
    ("number", "busy"),
    [
        pytest.param(signal.SIGINT, False, id="idle", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, True, id="busy"),
    ],
)
def test_a_signal_ends_it_while_it_is(tmp_path, number, busy):
    file = write_experiment(tmp_path)
    (tmp_path / "hold").touch()
    with in_a_process(file) as process, httpx2.Client() as client:
        url = f"{process.url}/v2/models/small/infer"
        client.post(url, json=body_of(IMAGES))
        if busy:
            with pytest.raises(httpx2.TimeoutException):
                client.post(url, json=body_of(IMAGES), timeout=0.5)
            assert (tmp_path / "held").exists()
            assert client.get(f"{process.url}/v2/health/live").status_code == 200
        process.send_signal(number)
        said, complaints = process.communicate(timeout=10)
    assert process.returncode == 0
    assert said == ""
    assert complaints == ("The target is still in a call, which is abandoned.\n" if busy else "")


@pytest.mark.slow
def test_with_a_key_it_wants_one_and_shows_none(tmp_path, monkeypatch):
    monkeypatch.setenv("OPEN_SESAME", "canary-7f3a")
    with in_a_process(write_experiment(tmp_path), "--api-key-env", "OPEN_SESAME") as process:
        url = f"{process.url}/v2/models/small"
        assert httpx2.get(url).status_code == 401
        right = {"Authorization": "Bearer canary-7f3a"}
        assert httpx2.get(url, headers=right).status_code == 200
        command_line = Path(f"/proc/{process.pid}/cmdline")
        if command_line.exists():
            assert "canary" not in command_line.read_text()
        # Before any request that reaches the target, a signal ends it too.
        process.terminate()
        said, complaints = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "    api_key_env = OPEN_SESAME\n" in process.said
    assert "canary" not in process.said + said + complaints


@pytest.mark.parametrize(
    ("key", "words"), [(None, "asks for a key"), ("canary", "travel unencrypted")]
)
def test_it_warns_where_others_can_reach_it(experiment, monkeypatch, key, words):
    monkeypatch.setattr("neatfool.server.run_server", lambda *_: None)
    options = ["--host", "0.0.0.0", "--port", 0]
    if key:
        monkeypatch.setenv("OPEN_SESAME", key)
        options += ["--api-key-env", "OPEN_SESAME"]
    complaints = neatfool("serve", experiment, *options).stderr
    assert complaints.startswith("warning: listening on 0.0.0.0: ")
    assert words in complaints


def test_a_key_that_is_not_there_is_an_error(experiment, monkeypatch):
    monkeypatch.setenv("OPEN_SESAME", " ")
    result = neatfool("serve", experiment, "--api-key-env", "OPEN_SESAME", exit_code=2)
    assert "--api-key-env OPEN_SESAME: " in result.stderr


def test_a_target_that_cannot_be_made_is_an_error_in_words(tmp_path):
    file = write_experiment(tmp_path)
    options = ("--set", "target.channels=2", "--port", "0")
    result = neatfool("serve", file, *options, exit_code=3)
    assert "must be 1 (grey) or 3 (RGB)" in result.stderr


def test_what_must_be_installed_is_said(experiment, monkeypatch):
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    monkeypatch.delitem(sys.modules, "neatfool_plugins.serve.app", raising=False)
    result = neatfool("serve", experiment, exit_code=2)
    assert "pip install 'neatfool[serve]'" in result.stderr
