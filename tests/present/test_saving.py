"""A page from a template of one's own."""

import os
import re
import threading
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from searches import Silence, toy_assembly

import neatfool
from neatfool import PluginError, StorageError, cppn, open_run
from neatfool.evolution.session import start
from neatfool.plugin.discovery import installed_plugins
from neatfool.present import save, write_page, write_report
from neatfool.wording import percent

ROOT = Path(__file__).parents[2]


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "mine.html.j2"
    path.write_text(
        '{% extends "neatfool/page.html.j2" %}{% block title %}{{ title }}{% endblock %}'
        '{% block style %}{% include "mine.css" %}{% endblock %}'
        "{% block body %}<p>{{ title }} {{ 0.9934 | percent }} {{ 200 | duration }}</p>"
        "{% endblock %}"
    )
    (tmp_path / "mine.css").write_text("p { color: red; }")
    return path


def test_a_template_of_ones_own_gives_a_page_that_looks_as_the_report(template, tmp_path):
    page = write_page(tmp_path / "page.html", template, {"title": "a < b"}).read_text("utf-8")
    assert "<title>a &lt; b · neatfool</title>" in page
    assert "<p>a &lt; b 99.3 % 3 min 20 s</p>" in page
    assert "default-src 'none'" in page
    assert "--surface:" in page
    assert "p { color: red; }</style>" in page


def test_control_characters_are_shown_and_html_stays_html(template, tmp_path):
    template.write_text(template.read_text().replace("<p>", "<p>{{ title | safe }} "))
    page = write_page(tmp_path / "page.html", template, {"title": "<b>\x1b[31m\x00é\u202e"})
    text = page.read_text("utf-8")
    assert "<title>&lt;b&gt;\\x1b[31m\\x00é\\u202e" in text
    assert "<p><b>" in text


def test_a_page_that_cannot_be_written_is_an_error_that_names_it(template, tmp_path):
    with pytest.raises(StorageError, match=r"nowhere.page\.html: cannot be written"):
        write_page(tmp_path / "nowhere" / "page.html", template, {"title": ""})


def test_the_template_of_the_documentation_shows_a_run(tmp_path):
    (text,) = re.findall(
        r"```jinja\n(.*?)```",
        (ROOT / "docs/reference/analysis-plugins.md").read_text("utf-8"),
        re.DOTALL,
    )
    (tmp_path / "page.html.j2").write_text(text)
    session = start(toy_assembly(), tmp_path / "run")
    session.go(Silence())
    page = write_page(tmp_path / "page.html", tmp_path / "page.html.j2", {"run": session.run})
    told = percent(session.run["b"].confidence)
    assert f'<th scope="row">b</th><td>{told}</td>' in page.read_text("utf-8")


@pytest.mark.parametrize("name", ["run.db", "experiment.ini"])
def test_the_record_of_a_run_is_never_overwritten(tmp_path, name):
    for each in ("run.db", "experiment.ini"):
        (tmp_path / each).write_bytes(b"recorded")
    with pytest.raises(StorageError, match="keeps its record there; give another file"):
        save(tmp_path / name, b"a page")
    assert (tmp_path / name).read_bytes() == b"recorded"


def test_two_plugins_that_make_the_report_are_told_apart(distribute, finished, tmp_path):
    distribute("mine", {"command.report": "my_report"}, {"my_report": ""})
    with pytest.raises(PluginError, match=r"two commands named 'report'.*rename or remove one"):
        write_report(open_run(finished), tmp_path / "page.html")


def test_a_plugin_that_makes_no_report_is_named(distribute, monkeypatch, finished, tmp_path):
    code = "import neatfool\n@neatfool.hookimpl\ndef neatfool_add_commands(cli): pass"
    distribute("mine", {"command.report": "mute_report"}, {"mute_report": code})
    mine = [pair for pair in installed_plugins() if pair[1].value == "mute_report"]
    monkeypatch.setattr("neatfool.plugin.manager.installed_plugins", lambda: mine)
    with pytest.raises(PluginError, match=r"'report': no plugin implements neatfool_write_report"):
        write_report(open_run(finished), tmp_path / "page.html")


@pytest.fixture
def fifo(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names here")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_is_written_into_and_stays_one(fifo):
    heard = []
    reader = threading.Thread(target=lambda: heard.append(fifo.read_bytes()), daemon=True)
    reader.start()
    save(fifo, b"a,b\n")
    reader.join(10)
    assert heard == [b"a,b\n"]
    assert fifo.is_fifo()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no files of descriptors here")
def test_what_a_shell_gives_for_a_file_is_written_into():
    """Write to ``>(gzip > x.gz)``, which is ``/dev/fd/63``."""
    reading, writing = os.pipe()
    save(Path(f"/dev/fd/{writing}"), b"a,b\n")
    assert os.read(reading, 9) == b"a,b\n"
    os.close(reading)
    with pytest.raises(StorageError, match=f"/dev/fd/{writing}: cannot be written: Broken pipe"):
        save(Path(f"/dev/fd/{writing}"), b"a,b\n")
    os.close(writing)


def test_a_pipe_in_a_run_from_elsewhere_is_replaced_as_a_link_is(fifo):
    (fifo.parent / "run.db").touch()
    save(fifo, b"a page")
    assert fifo.read_bytes() == b"a page"


def quadrants(images):
    """Say which quarter of an image is the brightest."""
    halves = images.mean(1).reshape(len(images), 2, 6, 2, 6).mean((2, 4)).reshape(-1, 4)
    weights = np.exp(halves / 16)
    return weights / weights.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return neatfool.fool(
        quadrants,
        image=(1, 12, 12),
        classes=["north west", "north east", "south west", "south east"],
        generations=12,
        scheme_options={"batch": 20},
        out=tmp_path_factory.mktemp("runs") / "quadrants",
        progress=False,
    )


def test_a_real_run_has_a_page_with_all_that_it_left(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count('class="network"') == page.count('class="panel detail"') == 4
    assert page.count('class="curve"') == 5
    lines = [min(12, len(run.lineage(name))) for name in run.classes]
    assert page.count('class="ancestor pixels"') == sum(lines) > 4
    for name in run.classes:
        assert f"<bdi>{name}</bdi>" in page


def test_a_report_of_a_finished_run_is_the_same_each_time(run):
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_an_exported_graph_is_still_the_equal_genome(run, tmp_path):
    elite = run.elite("south west")
    path = cppn.write(elite.graph(), tmp_path / "elite.graphml")
    assert cppn.from_graph(nx.read_graphml(path, node_type=int)) == elite.genome
