"""The command ``neatfool demo``, and experiments by their names."""

from __future__ import annotations

import webbrowser
from contextlib import closing
from pathlib import Path

import pytest
from commands import neatfool

from neatfool import open_run
from neatfool.experiment import experiment

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_demo_makes_ten_digits_and_their_page_and_opens_it(monkeypatch, tmp_path_factory):
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    supplied = tmp_path_factory.mktemp("supplied")
    shorter = (EXPERIMENTS / "mnist.ini").read_text().replace("generations = 200", "images = 3000")
    (supplied / "mnist.ini").write_text(shorter)
    monkeypatch.setattr(experiment, "files", lambda _package: supplied)
    page = Path("neatfool-demo/report.html")
    assert f"Look at {page}" in neatfool("demo", "--open").stdout
    assert [each.name for each in Path().iterdir()] == ["neatfool-demo"]
    with closing(open_run("neatfool-demo")) as run:
        assert min(each.confidence for each in run.elites) > 0.9
    written = page.read_bytes()
    assert neatfool("demo").stdout == f"Look at {page}\n"
    assert page.read_bytes() == written, "it is made once"
    assert opened == [page.absolute().as_uri()]


def test_a_name_stands_for_the_experiment_that_comes_with_neatfool_unless_there_is_such_a_file():
    supplied = neatfool("validate", "mnist").stdout
    assert "\nname = mnist\n" in supplied
    Path("mnist").write_text("[experiment]\ngenerations = 1\n[target]\nplugin = mnist\n")
    assert "\ngenerations = 1\n" in neatfool("validate", "mnist").stdout
    for path in ("mnist.ini", "experiments/mnist"):
        assert "there is no such file" in neatfool("validate", path).stderr


def test_onnxruntime_web_is_put_beside_the_page_only_if_it_is_that_package():
    Path("other.tgz").write_bytes(b"another package")
    refused = neatfool("demo", "--page", "fool.html", "--onnx", "other.tgz")
    assert "other.tgz: is not the package onnxruntime-web" in refused.stderr
    assert "npm pack onnxruntime-web@" in refused.stderr
    assert "cannot be read" in neatfool("demo", "--page", "a.html", "--onnx", "none.tgz").stderr
    assert "--onnx goes with --page" in neatfool("demo", "--onnx", "other.tgz").stderr
    assert [each.name for each in Path().iterdir()] == ["other.tgz"]
