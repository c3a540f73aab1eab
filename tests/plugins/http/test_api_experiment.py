"""experiments/api.ini, by the two commands that it names."""

import re
import socket
from pathlib import Path

import pytest
from commands import neatfool, neatfool_process

from neatfool import open_run
from neatfool_plugins.http import service

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
COMMANDS = re.findall(r"^#     neatfool (.+)$", (EXPERIMENTS / "api.ini").read_text(), re.M)
PAGE = EXPERIMENTS.parent / "docs" / "api.md"


def test_the_docs_give_the_same_two_commands():
    assert [command.split()[0] for command in COMMANDS] == ["serve", "run"]
    given = re.findall(r"^neatfool (.+)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert given[:2] == COMMANDS


def test_serve_refuses_a_costly_target_before_it_connects(monkeypatch):
    # Nobody answers at port 9: connecting would be given up after 0.2 seconds, with another error.
    monkeypatch.setattr(service, "GIVE_UP_AFTER", 0.2)
    result = neatfool(
        "serve", EXPERIMENTS / "api.ini", "--set=target.url=http://127.0.0.1:9", exit_code=2
    )
    assert re.search("target 'http' .* costs something", result.stderr)


@pytest.mark.slow
def test_two_commands_fool_a_network_behind_http(tmp_path, monkeypatch):
    try:
        socket.create_server(("127.0.0.1", 8080)).close()
    except OSError:
        pytest.skip("port 8080, which the experiment names, is in use")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").symlink_to(EXPERIMENTS)
    serve, run = (command.split() for command in COMMANDS)
    service = neatfool_process(*serve)
    try:
        assert any("Ctrl-C ends it" in line for line in service.stdout)
        asking = neatfool_process(*run)
        said, complaints = asking.communicate()
        assert asking.returncode == 0, said + complaints
    finally:
        service.kill()
        service.communicate()
    found = open_run("runs/api-1")
    assert found.evaluations == 9000
    assert all(elite.confidence > 0.999 for elite in found)
    queries = int(re.search(r"([\d,]+) queries in", said)[1].replace(",", ""))
    assert queries <= 10_000
