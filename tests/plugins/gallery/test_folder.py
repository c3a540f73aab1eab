"""The folder that ``neatfool gallery`` writes."""

from __future__ import annotations

import json

import networkx as nx
import pytest
from commands import neatfool, write_experiment
from galleries import MARKUP, write

from neatfool import cppn, open_run
from neatfool_plugins.gallery.formula import FIRST_NODE, FUNCTIONS, formula

pytestmark = pytest.mark.usefixtures("own_sys_path")


def read(file):
    text = file.read_text(encoding="ascii")
    assert text.startswith('neatfool.data.put("')
    name, data = text.removeprefix("neatfool.data.put(").removesuffix(");\n").split(",", 1)
    return json.loads(name), json.loads(data)


@pytest.fixture(scope="module")
def index(page):
    return read(page.parent / "data" / "index.js")[1]


def test_each_elite_is_there_with_its_image_and_its_formula(page, runs, index):
    for number, path in enumerate(runs):
        run, told = open_run(path), index["runs"][number]
        assert told["drawing"]["blur"] == number
        assert told["drawing"]["inputs"] == "normalised"
        assert told["drawing"]["colour"] == "hsv"
        assert [each["name"] for each in told["elites"]] == [elite.name for elite in run]
        name, formulas = read(page.parent / "data" / str(number) / "formulas-0.js")
        assert name == f"{number}/formulas-0"
        assert [*map(int, formulas)] == [elite.index for elite in run]
        for elite, each in zip(run, told["elites"], strict=True):
            file = page.parent / "images" / str(number) / each["file"]
            assert file.read_bytes() == elite.png
            assert each["confidence"] == pytest.approx(elite.confidence, rel=1e-8)
        run.close()


def test_a_line_goes_from_a_random_network_to_the_elite(page, runs):
    run = open_run(runs[0])
    line = run.lineage(1)
    _, steps = read(page.parent / "data" / "0" / "line-1.js")
    assert [step["candidate"] for step in steps] == [each.candidate_id for each in line[::-1]]
    assert steps[0]["generation"] == 0
    run.close()


def test_a_long_line_is_shortened_to_its_ends_and_some_between(runs, tmp_path):
    page = write(tmp_path / "short", runs[:1], "--steps", 2)
    _, steps = read(page.parent / "data" / "0" / "line-1.js")
    assert len(steps) == 2
    assert steps[0]["generation"] == 0
    page = write(tmp_path / "none", runs[:1], "--steps", 0)
    assert not [*(page.parent / "data" / "0").glob("line-*")]


def test_a_formula_is_what_its_outputs_need_each_node_after_its_sources():
    graph = nx.DiGraph()
    graph.add_node(-1, kind="input", layer=0)
    graph.add_node(-3, kind="input", layer=0)
    own = {"aggregation": "mean", "bias": 0.123456789123, "response": 1.0}
    for order, (key, layer) in enumerate([(0, 3), (7, 1), (8, 2), (9, 1)]):
        kind = "hidden" if key else "output"
        graph.add_node(key, kind=kind, layer=layer, order=order, activation="hat", **own)
    edges = [(8, 0, True), (7, 8, True), (-3, 8, True), (-1, 7, True), (9, 0, False), (-1, 9, True)]
    for order, (source, sink, enabled) in enumerate(edges):
        graph.add_edge(source, sink, weight=order + 0.5, enabled=enabled, order=order)
    hat, mean = list(cppn.ACTIVATIONS).index("hat"), cppn.AGGREGATIONS.index("mean")
    head = [hat, mean, 0.123456789, 1]
    assert formula(graph) == {
        "k": [7, 8, 0],
        "n": [[*head, 0, 3.5], [*head, FIRST_NODE, 1.5, 2, 2.5], [*head, FIRST_NODE + 1, 0.5]],
        "o": [2],
    }
    assert formula(graph, 3)["n"][0][2] == 0.123


def test_the_browser_is_told_of_all_functions():
    assert FUNCTIONS["activations"] == list(cppn.ACTIVATIONS)
    assert FUNCTIONS["aggregations"] == list(cppn.AGGREGATIONS)


def test_names_are_no_markup_in_any_file(page):
    texts = [file.read_text(encoding="utf-8") for file in page.parent.rglob("*.js")]
    texts.append(page.read_text(encoding="utf-8"))
    assert not [text for text in texts if MARKUP in text]


def test_the_page_lets_no_inline_script_and_nothing_from_the_network_in(page):
    html = page.read_text(encoding="utf-8")
    policy = html.split('Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "<script>" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_what_survives_is_shown_if_it_was_measured(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend("")
    file = write_experiment(tmp_path)
    run = tmp_path / "run"
    assert neatfool("run", file, "--out", run, "--no-report").exit_code == 0
    result = neatfool("survive", run, "--kinds", "blur=1,light=1", "--report")
    assert result.exit_code == 0, result.output
    told = read(write(tmp_path / "gallery", [run]).parent / "data" / "index.js")[1]["runs"][0]
    assert told["survival"]["title"] == "What survives"
    for elite in told["elites"]:
        assert elite["survived"][0][0] == "blurred (1 pixel)"
        assert len(elite["survived"]) == 2
        assert all(0 <= sure <= 1 for _, sure, _ in elite["survived"])


def test_survival_of_an_earlier_version_or_of_another_program_does_no_harm(runs, tmp_path):
    for text in ("[]", '{"report": {"title": 1}}', "no JSON"):
        (runs[0] / "survival.json").write_text(text)
        page = write(tmp_path / "gallery", runs[:1], "--steps", 0)
        assert read(page.parent / "data" / "index.js")[1]["runs"][0]["survival"] is None
    (runs[0] / "survival.json").unlink()


def test_images_without_a_formula_are_shown_as_they_were_saved(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend("")
    file, run = write_experiment(tmp_path), tmp_path / "run"
    result = neatfool("run", file, "--out", run, "--no-report", "--set", "encoding.plugin=direct")
    assert result.exit_code == 0, result.output
    page = write(tmp_path / "gallery", [run])
    assert read(page.parent / "data" / "index.js")[1]["runs"][0]["drawing"] is None
    assert [*(page.parent / "images" / "0").iterdir()]
    assert not (page.parent / "data" / "0").exists()


def test_a_gallery_is_replaced_and_anything_else_is_left_alone(runs, tmp_path):
    page = write(tmp_path / "gallery", runs)
    before = {*page.parent.rglob("*")}
    write(tmp_path / "gallery", runs)
    assert {*page.parent.rglob("*")} == before
    write(tmp_path / "gallery", runs[:1])
    assert not (page.parent / "images" / "1").exists()
    (page.parent / "mine.txt").write_text("mine")
    for folder in (page.parent, runs[0]):
        result = neatfool("gallery", *runs, "-o", folder)
        assert result.exit_code != 0
        assert "holds no gallery, but" in result.stderr
    result = neatfool("gallery", *runs, "-o", page)
    assert "is a file" in result.stderr


def test_it_says_what_it_wrote(runs, tmp_path):
    result = neatfool("gallery", runs[0], "-o", tmp_path / "one", "--json", "--sample", 2)
    told = json.loads(result.stdout)
    assert told["page"] == str(tmp_path / "one" / "index.html")
    assert told["runs"] == [{"path": str(runs[0]), "elites": 2}]
    size = sum(file.stat().st_size for file in (tmp_path / "one").rglob("*") if file.is_file())
    assert told["bytes"] == size
    result = neatfool("gallery", runs[0], "-o", tmp_path / "two", "--least", 0)
    assert "of 4 elites" in result.stdout
    assert f"Look at {tmp_path / 'two' / 'index.html'}" in result.stdout
