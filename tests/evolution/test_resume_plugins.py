"""The built-in plugins, through a real database: stopped or killed, and resumed to the bit."""

import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing

import pytest
from ini_text import ini
from searches import Silence, Snapshots, go_on, stop_after
from searches import begin as begin_text

from neatfool import PluginError, open_run
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.experiment.experiment import load_experiment
from neatfool.run.store import RunStore
from neatfool_plugins.map_elites import MapElites
from tests.support.databases import contents

STOPS = (1, 7, 13)
TURN = 7
"""Generations a class: a stop falls on the end of a class's turn, others into its midst."""

# Whether half precision pays is measured, so it would be one in one run and another in the next.
MAP_ELITES = ini(
    experiment={"generations": 20},
    target={"plugin": "mnist", "precision": "fp32"},
    encoding={"plugin": "cppn", "preset": "{}"},
    scheme={"plugin": "map_elites", "batch": 24, "initial": 40},
)

SINGLE_CLASS = ini(
    experiment={"generations": 100},
    target={"plugin": "mnist", "precision": "fp32"},
    encoding={"plugin": "cppn", "preset": "{}"},
    scheme={
        "plugin": "single_class",
        "selection": "{}",
        "classes": "3, 8, 1",
        "population": 24,
        "generations_per_class": 7,
        "stop_at": 1,
    },
    DefaultSpeciesSet={"compatibility_threshold": "1.0"},
)

EXPERIMENTS = {
    "map_elites, paper": MAP_ELITES.format("paper"),
    "map_elites, neat": MAP_ELITES.format("neat"),
    "single_class, neat": SINGLE_CLASS.format("neat", "neat"),
    "single_class, rank": SINGLE_CLASS.format("paper", "rank"),
}


def assembled(folder, name, **settings):
    file = folder.parent / f"{folder.name}.ini"
    file.write_text(EXPERIMENTS[name])
    overrides = [f"experiment.{key}={value}" for key, value in settings.items()]
    return assemble(load_experiment(file, overrides=overrides))


def begin(folder, name, **settings):
    return start(assembled(folder, name, **settings), folder)


@pytest.fixture(scope="module", params=EXPERIMENTS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def undisturbed(name, tmp_path_factory):
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert begin(folder, name).go(Silence()).reason == "finished"
    return folder


@pytest.fixture(scope="module")
def killed(name, tmp_path_factory):
    """The folder with what kills left of a run."""
    folder = tmp_path_factory.mktemp("killed")
    begin(folder / "run", name).go(Snapshots(folder, STOPS))
    return folder


@pytest.fixture(scope="module")
def stopped(name, tmp_path_factory):
    """The folder of a run that was stopped while a population lives."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    begin(folder, name).go(Silence(), stop_after(max(STOPS)))
    return folder


def test_the_runs_are_such_that_a_wrong_resumption_would_show(name, undisturbed):
    rows = contents(undisturbed / "run.db")
    last = {row[1] for row in rows["replacement"]}
    assert all(any(generation >= stop for generation in last) for stop in STOPS)
    if name.startswith("single_class"):
        assert len(rows["generation"]) == 3 * TURN
        assert [row[0] for row in rows["elite"]] == [1, 3, 8]


@pytest.mark.parametrize(
    "generations", [pytest.param(STOPS[0], marks=pytest.mark.slow), *STOPS[1:]]
)
def test_stopped_and_resumed_a_run_ends_in_the_same_database(
    tmp_path, name, undisturbed, generations
):
    folder = tmp_path / "run"
    outcome = begin(folder, name).go(Silence(), stop_after(generations))
    assert (outcome.reason, outcome.generation) == ("interrupted", generations - 1)
    assert go_on(folder).go(Silence()).reason == "finished"
    assert contents(folder / "run.db") == contents(undisturbed / "run.db")


@pytest.mark.parametrize(
    "generations", [pytest.param(STOPS[0], marks=pytest.mark.slow), *STOPS[1:]]
)
def test_killed_and_resumed_it_ends_in_the_same_database(
    tmp_path, undisturbed, killed, generations
):
    folder = shutil.copytree(killed / f"killed-{generations}", tmp_path / "run")
    go_on(folder).go(Silence())
    assert contents(folder / "run.db") == contents(undisturbed / "run.db")


# --- lineage


def family(folder):
    """The stored candidates' generations, their parents, and the ids that need be kept."""
    rows = contents(folder / "run.db")
    generations = {row[0]: row[1] for row in rows["candidate"]}
    parents = defaultdict(list)
    for child, _, parent in rows["parent"]:
        parents[child].append(parent)
    members = {row[0] for row in rows["candidate"] if row[4]}
    once_elites = {row[3] for row in rows["replacement"]}
    assert {row[1] for row in rows["elite"]} <= once_elites
    return generations, parents, members | once_elites


@pytest.fixture(params=["undisturbed", "stopped"])
def folder(request):
    return request.getfixturevalue(request.param)


def test_each_elite_and_member_has_all_its_ancestors_to_the_beginning(name, folder):
    generations, parents, kept = family(folder)
    beginnings = {0, TURN, 2 * TURN} if name.startswith("single_class") else {0}
    assert kept <= set(generations)
    for child, generation in generations.items():
        assert bool(parents[child]) == (generation not in beginnings)
        assert all(generations[parent] < generation for parent in parents[child])


@pytest.mark.usefixtures("name")
def test_nothing_is_stored_but_members_elites_and_their_ancestors(folder):
    generations, parents, kept = family(folder)
    needed, found = set(), set(kept)
    while found:
        needed |= found
        found = {parent for child in found for parent in parents[child]} - needed
    assert set(generations) == needed
    assert set(parents) - needed == set()


class EliteImages(Silence):
    """Notes after each generation who holds a niche and whose images are stored."""

    def __init__(self):
        self.seen = []

    def generation_done(self, run, report):
        elites = [elite.candidate for elite in run.store.elites()]
        with closing(sqlite3.connect(run.path / "run.db")) as database:
            images = {row[0] for row in database.execute("SELECT candidate FROM image")}
        self.seen.append((elites, images))


def test_each_present_elite_has_its_image_and_nobody_else_has(tmp_path, name):
    images = EliteImages()
    begin(tmp_path / "run", name).go(images)
    assert all(set(elites) == stored for elites, stored in images.seen)
    if name.startswith("map_elites"):
        assert any(len(stored) < len(elites) for elites, stored in images.seen)


def test_the_parents_that_are_stored_are_those_that_bred_the_candidate(tmp_path, name):
    assembly, asked = assembled(tmp_path / "run", name), {}
    ask = assembly.scheme.ask

    def noting():
        candidates = list(ask())
        asked.update({c.id: (c.generation, c.parents) for c in candidates})
        return candidates

    assembly.scheme.ask = noting
    start(assembly, tmp_path / "run").go(Silence())
    store = RunStore.open(tmp_path / "run" / "run.db")
    held = [store.candidate(id_) for (id_,) in store.rows("candidate", names="id")]
    stored = {c.id: (c.generation, c.parents) for c in held}
    store.close()
    assert stored == {id_: asked[id_] for id_ in stored}
    numbers = {len(parents) for _, parents in stored.values()}
    assert numbers == ({0, 1} if name.endswith(("paper", "rank")) else {0, 1, 2})


REFINED = (
    MAP_ELITES.format("paper").replace("generations = 20", "images = 700")
    + "learn = 0.5\nlearn_steps = 3\nlearn_after = 0\nlearn_at_once = 2\n"
)


def test_a_run_whose_last_images_are_too_few_for_a_refinement_is_finished_and_stays_so(tmp_path):
    session = begin_text(tmp_path / "run", REFINED)
    session.go(Snapshots(tmp_path, range(1, 99)))
    before = contents(tmp_path / "run" / "run.db")
    run = open_run(tmp_path / "run")
    assert run.evaluations + 9 < 700
    assert run.finished
    assert not run.has_reached(None, 701)
    last = tmp_path / f"killed-{run.generation + 1}"
    go_on(last).go(Silence())
    assert contents(last / "run.db") == before
    go_on(tmp_path / "run").go(Silence())
    assert contents(tmp_path / "run" / "run.db") == before


def test_what_fails_in_the_last_generation_is_done_again(tmp_path, monkeypatch):
    (tmp_path / "whole").mkdir()
    begin_text(tmp_path / "whole" / "run", REFINED).go(Silence())
    expected = contents(tmp_path / "whole" / "run" / "run.db")
    last = open_run(tmp_path / "whole" / "run").generation
    tell = MapElites.tell

    def fail_at_last(self, candidates, scores):
        if self._generation == last:
            raise ValueError("no more")
        return tell(self, candidates, scores)

    with monkeypatch.context() as patch:
        patch.setattr(MapElites, "tell", fail_at_last)
        with pytest.raises(PluginError, match="no more"):
            begin_text(tmp_path / "run", REFINED).go(Silence())
    assert not open_run(tmp_path / "run").finished
    go_on(tmp_path / "run").go(Silence())
    assert contents(tmp_path / "run" / "run.db") == expected
