"""The action for GitHub: its steps run here, with a made-up event and a server for GitHub's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


class GitHub(BaseHTTPRequestHandler):
    """Takes comments, and keeps them."""

    comments: ClassVar[list[tuple[str, str | None, dict[str, str]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.comments.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api():
    GitHub.comments.clear()
    with HTTPServer(("127.0.0.1", 0), GitHub) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(name: str, folder: Path, inputs: dict[str, str], **more: str) -> int:
    """Run a step as GitHub does, with inputs for its expressions."""
    step = STEPS[name]
    given = {key: value.get("default", "") for key, value in ACTION["inputs"].items()} | inputs
    values = {f"inputs.{key}": value for key, value in given.items()}
    values["steps.audit.outputs.status"] = more.pop("status", "")
    env = {
        key: re.sub(r"\$\{\{ (\S+) \}\}", lambda match: values[match[1]], value)
        for key, value in step.get("env", {}).items()
    }
    assert "${{" not in step["run"], "what others write must not become part of a script"
    python = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    paths = {
        "GITHUB_STEP_SUMMARY": f"{folder}/step.md",
        "GITHUB_OUTPUT": f"{folder}/output",
        "GITHUB_EVENT_PATH": f"{folder}/event.json",
        "GITHUB_REPOSITORY": "somebody/something",
    }
    command = ["bash", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **python, **paths, **env, **more}, check=False
    ).returncode


def test_the_action_keeps_githubs_schema():
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")]
    subprocess.run(command, check=True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_a_pull_request_gets_the_summary_and_a_failed_job(tmp_path, api):
    (tmp_path / "event.json").write_text(json.dumps({"number": 7, "pull_request": {}}))
    (tmp_path / "mine.ini").write_text("[target]\nplugin = mnist\n")
    inputs = {
        "experiment": "mine.ini",
        "arguments": "--images 400 --seeds 1\n--set experiment.description='two words'\n"
        "--sample 5 --max-accepted 0.01",
        "token": "secret",
    }
    assert run("Audit", tmp_path, inputs) == 0
    output = (tmp_path / "output").read_text()
    assert output == "status=9\n"
    summary = (tmp_path / "step.md").read_text()
    assert summary.startswith("## ❌")
    folder = tmp_path / "neatfool-audit"
    assert {each.name for each in folder.iterdir()} >= {
        *("card.html", "card.json", "card.sarif", "junit.xml", "summary.md")
    }
    assert run("Comment", tmp_path, inputs, GITHUB_API_URL=api) == 0
    ((path, authorization, body),) = GitHub.comments
    assert path == "/repos/somebody/something/issues/7/comments"
    assert authorization == "Bearer secret"
    assert body == {"body": summary}
    assert run("Decide", tmp_path, inputs, status="9") == 9
