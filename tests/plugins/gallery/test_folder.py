"""The folder that ``neatfool gallery`` writes."""

import base64
import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from commands import neatfool, run_small
from galleries import MARKUP, write
from PIL import Image

from neatfool import cppn, open_run
from neatfool.present.drawing_scripts import FIRST_NODE, encode_formula
from neatfool_plugins.gallery import folder


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
        assert told["drawing"]["band_limit"] == number
        assert told["drawing"]["inputs"] == "normalised"
        assert told["drawing"]["colour"] == "hsv"
        assert [each["name"] for each in told["elites"]] == [elite.name for elite in run]
        name, networks = read(page.parent / "data" / str(number) / "networks-0.js")
        assert name == f"{number}/networks-0"
        for elite, each in zip(run, told["elites"], strict=True):
            own = encode_formula(elite.picture())
            assert {key: networks[each["network"]][key] for key in own} == own
            with Image.open(page.parent / "images" / str(number) / each["file"]) as image:
                pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
            assert np.array_equal(pixels, elite.saved_pixels())
            assert each["score"] == pytest.approx(elite.confidence, rel=1e-8)
        run.close()


def networks_of(page, number=0):
    """Give a run's networks by their numbers."""
    found, together = {}, read(page.parent / "data" / "index.js")[1]["together"]
    for file in (page.parent / "data" / str(number)).iterdir():
        part, networks = read(file)
        first = together * int(part.split("-")[-1])
        found |= {first + place: each for place, each in enumerate(networks)}
    return found


def line_of(page, elite):
    told = read(page.parent / "data" / "index.js")[1]["runs"][0]["elites"]
    networks = networks_of(page)
    own = networks[next(each["network"] for each in told if each["index"] == elite.index)]
    return [networks[number] for number in own["line"]]


def test_a_line_goes_from_a_random_network_to_the_elite(page, runs):
    run = open_run(runs[0])
    for elite in run:
        steps, line = line_of(page, elite), run.lineage(elite.index)[::-1]
        assert steps[0]["generation"] == 0
        assert len(steps) == min(len(line), 16)
        shown = {key: steps[-1][key] for key in ("n", "w", "o")}
        assert shown == encode_formula(elite.picture())
        if len(line) <= 16:
            expected = [(each.generation, encode_formula(each.picture())["n"]) for each in line]
            assert [(step["generation"], step["n"]) for step in steps] == expected
    run.close()


def test_each_network_is_written_once_however_many_descend_from_it(page, runs):
    run = open_run(runs[0])
    lines = {each.candidate_id for elite in run for each in run.lineage(elite.index)}
    assert len(networks_of(page)) <= len(lines)
    run.close()


def test_a_long_line_is_shortened_to_its_ends_and_some_between(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "STEPS", 2)
    page = write(tmp_path / "short", runs[:1])
    run = open_run(runs[0])
    steps = line_of(page, run[1])
    run.close()
    assert len(steps) == 2
    assert steps[0]["generation"] == 0


def test_images_may_be_reduced(runs, tmp_path):
    for option in ((), ("--small",)):
        page = write(tmp_path / f"gallery{len(option)}", runs[:1], *option)
        assert len([*page.parent.glob("images/0/*")]) == 4
        kind = read(page.parent / "data" / "index.js")[1]["images"]
        assert kind == ("small" if option else "exact")


@pytest.mark.parametrize(
    "data", [b"no image", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_an_image_of_another_format_is_an_error_that_starts_no_program(runs, tmp_path, data):
    shutil.copytree(runs[0], tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute("UPDATE image SET png = ?", (data,))
    result = neatfool("gallery", tmp_path / "run", "--out", tmp_path / "gallery", exit_code=5)
    assert "it is no PNG" in result.output


def test_a_run_whose_colours_nobody_knows_is_an_error(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "run")
    colour = "UPDATE info SET value = json_set(value, '$.encoding.colour', 'pink')"
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute(f"{colour} WHERE key = 'experiment'")
    result = neatfool("gallery", tmp_path / "run", "--out", tmp_path / "gallery", exit_code=5)
    assert "[encoding] colour: must be" in result.output


def test_a_formula_is_what_its_outputs_need_each_node_after_its_sources():
    nodes = [cppn.NodeGene(key, "hat", bias=0.123456789123) for key in (0, 7, 8, 9)]
    edges = [(8, 0, True), (7, 8, True), (-3, 8, True), (-1, 7, True), (9, 0, False), (-1, 9, True)]
    genome = cppn.Genome.of(
        nodes,
        [
            cppn.ConnectionGene((source, sink), order + 0.5, enabled)
            for order, (source, sink, enabled) in enumerate(edges)
        ],
    )
    hat = list(cppn.ACTIVATIONS).index("hat")
    told = encode_formula(cppn.Picture(genome, cppn.Look(3, 3)))
    assert told["n"] == [[hat, 0], [hat, FIRST_NODE, 2], [hat, FIRST_NODE + 1]]
    numbers = np.frombuffer(base64.b64decode(told["w"]), "<f4")
    head = [np.float32(0.123456789123), 1]
    assert numbers.tolist() == [*head, 3.5, *head, 1.5, 2.5, *head, 0.5]
    assert told["o"] == [2]


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


def test_what_survives_is_shown_if_it_was_measured(tmp_path):
    run = run_small(tmp_path)
    neatfool("survive", run, "--kinds", "blur=1,light=1", "--report", exit_code=0)
    told = read(write(tmp_path / "gallery", [run]).parent / "data" / "index.js")[1]["runs"][0]
    assert told["survival"]["title"] == "What survives"
    for elite in told["elites"]:
        assert elite["survived"][0][0] == "blurred (1 pixel)"
        assert len(elite["survived"]) == 2
        assert all(sure.endswith(" %") for _, sure, _ in elite["survived"])


def test_images_without_a_formula_are_shown_as_they_were_saved(tmp_path):
    page = write(tmp_path / "gallery", [run_small(tmp_path, "encoding.plugin=direct")])
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
    for place in (page.parent, runs[0]):
        result = neatfool("gallery", *runs, "-o", place)
        assert result.exit_code != 0
        assert "holds no gallery, but" in result.stderr
    result = neatfool("gallery", *runs, "-o", page)
    assert "is a file" in result.stderr


def test_it_says_what_it_wrote(runs, tmp_path):
    result = neatfool("gallery", runs[0], "-o", tmp_path / "one", "--sample", 2)
    assert "2 of 4 elites" in result.stdout
    assert f"Look at {tmp_path / 'one' / 'index.html'}" in result.stdout
    result = neatfool("gallery", *runs, "-o", tmp_path / "some", "--distinct", 3)
    assert result.stdout.count("3 of 4 elites") == 2
