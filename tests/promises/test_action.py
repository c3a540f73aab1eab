"""The action for GitHub: its steps run here, with a made-up event and a server for GitHub's."""

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


COMMENTS = "/repos/somebody/something/issues/7/comments"


class GitHub(BaseHTTPRequestHandler):
    """Keeps the comments of one pull request, a hundred a page."""

    comments: ClassVar[list[dict[str, object]]] = []

    def answer(self, value: object) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def read(self) -> dict[str, object]:
        body: dict[str, object] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        assert url.path == COMMENTS
        page = int(parse_qs(url.query)["page"][0])
        self.answer(self.comments[100 * (page - 1) : 100 * page])

    def do_POST(self) -> None:
        assert self.path == COMMENTS
        self.comments.append({"id": 1000 + len(self.comments), **self.read()})
        self.answer(self.comments[-1])

    def do_PATCH(self) -> None:
        path, _, number = self.path.rpartition("/")
        assert path == COMMENTS.replace("/7", "")
        (found,) = (each for each in self.comments if each["id"] == int(number))
        found |= self.read()
        self.answer(found)

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


def run(name, folder, inputs, **more):
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


@pytest.mark.slow
def test_a_pull_request_gets_the_summary_and_a_failed_job(tmp_path, api):
    (tmp_path / "event.json").write_text(json.dumps({"number": 7, "pull_request": {}}))
    (tmp_path / "mine.ini").write_text("[target]\nplugin = mnist\n")
    inputs = {
        "experiment": "mine.ini",
        "arguments": "--images 400 --seeds 1\n--set experiment.description='two words'\n"
        "--max-accepted 0.01",
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
    GitHub.comments += [{"id": number, "body": f"I say {summary}"} for number in range(120)]
    assert run("Comment", tmp_path, inputs, GITHUB_API_URL=api) == 0
    first = str(GitHub.comments[-1]["body"])
    assert first.startswith("<!-- ")
    assert first.endswith(f" -->\n{summary}")
    (folder / "summary.md").write_text("another push")
    assert run("Comment", tmp_path, inputs, GITHUB_API_URL=api) == 0
    assert len(GitHub.comments) == 121
    assert str(GitHub.comments[-1]["body"]).endswith("\nanother push")
    assert run("Comment", tmp_path, inputs | {"name": "another"}, GITHUB_API_URL=api) == 0
    assert len(GitHub.comments) == 122
    assert run("Decide", tmp_path, inputs, status="9") == 9
