"""``[scheme] seed_from``: a run that begins with the elites of another one."""

import re
import shutil
import sqlite3
from contextlib import closing

import pytest
from commands import neatfool
from picbreeder_files import grey, zipped
from random_neat import random_network

from neatfool import ExperimentError, cppn, inherit, open_run
from neatfool.run.store import RunStore
from neatfool.testing import ToyEncoding
from tests.support.databases import contents


@pytest.fixture
def seed(finished, experiment, monkeypatch):
    """Give the folder of the run to start from, and find its plugin."""
    monkeypatch.syspath_prepend(str(experiment.parent))
    return finished


def run(experiment, out, seed, *settings, code=0, generations=1):
    values = [f"scheme.seed_from={seed}", f"experiment.generations={generations}", *settings]
    overrides = [word for value in values for word in ("--set", value)]
    result = neatfool("run", experiment, "--out", out, "--no-report", *overrides, exit_code=code)
    return result.output


def first_generation(folder):
    store = RunStore.open(folder / "run.db")
    held = [store.candidate(id_) for (id_,) in store.rows("candidate", "ORDER BY id", names="id")]
    found = [(c.id, c.parents, c.genome) for c in held]
    reports, state = store.reports(), store.state()
    store.close()
    return found, reports, state


def test_the_first_generation_is_the_elites_and_random_ones(experiment, seed, tmp_path):
    run(experiment, tmp_path / "run", seed, "scheme.initial=30")
    before, after = open_run(seed), open_run(tmp_path / "run")
    candidates, (report,), state = first_generation(tmp_path / "run")
    texts = list(dict.fromkeys(elite.genome_text for elite in before.elites))
    assert report.evaluations == 30
    assert {parents for _, parents, _ in candidates} == {()}
    elders = [(id_, genome) for id_, _, genome in candidates if id_ < len(texts)]
    assert elders
    assert all(genome == texts[id_] for id_, genome in elders)
    for name in before.classes:
        assert after[name].confidence >= before[name].confidence
    inherited = state["scheme"]["inherited"]
    assert (inherited["run"], inherited["seed"]) == ("small", 3)
    assert inherited["genomes"] == len(texts)
    assert len(inherited["sha256"]) == 64


def test_a_run_says_what_it_begins_with_but_not_when_it_goes_on(experiment, seed, tmp_path):
    count = len({elite.genome_text for elite in open_run(seed).elites})
    said = f"The first generation begins with {count} genomes from {seed}."
    assert said in run(experiment, tmp_path / "run", seed, "scheme.initial=30")
    result = neatfool("resume", tmp_path / "run", "--generations", 2, exit_code=0)
    assert "begins with" not in result.output


def test_the_other_run_is_not_needed_to_go_on(experiment, seed, tmp_path):
    for name, generations in (("whole", 4), ("stopped", 2)):
        shutil.copytree(seed, tmp_path / "seed")
        run(experiment, tmp_path / name, tmp_path / "seed", generations=generations)
        shutil.rmtree(tmp_path / "seed")
    neatfool("resume", tmp_path / "stopped", "--generations", "4", "--no-report", exit_code=0)
    whole, stopped = (contents(tmp_path / name / "run.db") for name in ("whole", "stopped"))
    assert stopped == whole


def refusal(experiment, tmp_path, seed, *settings):
    said = " ".join(run(experiment, tmp_path / "run", seed, *settings, code=2).split())
    assert not (tmp_path / "run").exists()
    return said


def test_a_folder_that_is_no_run_is_refused_before_anything_is_written(experiment, seed, tmp_path):
    said = refusal(experiment, tmp_path, tmp_path / "nowhere")
    assert "[scheme] plugin = map_elites: there is no run to start from" in said
    assert "nowhere: not a run folder" in said
    assert said.endswith("give one of runs/* (--set scheme.seed_from=RUN)")


def test_a_run_of_another_encoding_is_refused(experiment, seed, tmp_path):
    said = refusal(experiment, tmp_path, seed, "encoding.plugin=direct")
    assert "this encoding cannot read its genomes (" in said
    assert "give a run whose [encoding] has the same plugin" in said


def test_a_run_without_elites_is_refused(seed, tmp_path):
    copy = shutil.copytree(seed, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        database.execute("DELETE FROM elite")
    with pytest.raises(ExperimentError, match="has no elites yet to start from"):
        inherit(copy, ToyEncoding())


def test_grey_images_do_not_begin_with_what_draws_coloured_ones(seed):
    encoding = open_run(seed).encoding
    assert inherit(seed, encoding).genomes
    render = encoding.render
    encoding.render = lambda genomes: render(genomes).expand(-1, 3, -1, -1)
    with pytest.raises(ExperimentError, match="have 1 channels, and this target's 3"):
        inherit(seed, encoding)


def test_a_search_begins_with_genomes_of_picbreeder_and_neat_python(experiment, tmp_path):
    folder = tmp_path / "bred"
    folder.mkdir()
    (folder / "1.xml").write_bytes(grey())
    (folder / "2.zip").write_bytes(zipped(grey("sin(x)")))
    cppn.write(random_network(4, inputs=4), folder / "3.json")
    (folder / "notes.txt").write_text("is not looked at")
    run(experiment, tmp_path / "run", folder, "scheme.initial=1")
    candidates, (report,), state = first_generation(tmp_path / "run")
    assert report.evaluations == 3
    inherited = state["scheme"]["inherited"]
    assert (inherited["run"], inherited["seed"], inherited["genomes"]) == ("bred", None, 3)
    encoding = open_run(tmp_path / "run").encoding
    names = ("1.xml", "2.zip", "3.json")
    given = [encoding.dumps(encoding.from_file(folder / name)) for name in names]
    assert candidates
    assert all(genome == given[id_] for id_, _, genome in candidates)


def test_a_search_begins_with_genomes_that_an_encoding_wrote(experiment, seed, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    genome = open_run(seed)["bright"].genome_text
    (folder / "bright.json").write_text(genome, encoding="utf-8")
    run(experiment, tmp_path / "run", folder, "scheme.initial=1")
    (candidate,), *_ = first_generation(tmp_path / "run")
    assert candidate == (0, (), genome)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.xml", b"<html/>", r"a\.xml: holds 0 genomes"),
        ("a.json", b"{}", r"a\.json: not a genome: format: Field required"),
        ("a.json", b"\xff", r"a\.json: not a genome: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_no_genome_is_refused(name, data, message, experiment, tmp_path):
    (tmp_path / "bred").mkdir()
    (tmp_path / "bred" / name).write_bytes(data)
    output = run(experiment, tmp_path / "run", tmp_path / "bred", code=2)
    assert re.search(message, " ".join(output.split()))
    assert not (tmp_path / "run" / "run.db").exists()


def test_an_encoding_without_files_of_others_says_so(tmp_path):
    (tmp_path / "a.xml").write_bytes(grey())
    with pytest.raises(ExperimentError, match=r"a\.xml: this encoding reads no files of other"):
        inherit(tmp_path, ToyEncoding())
