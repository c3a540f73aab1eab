"""The last members of a run as arrays."""

from contextlib import closing

import numpy as np
import pytest
from made_up_runs import write_run
from searches import run_whole, toy_assembly

import neatfool
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget


@pytest.fixture
def run(tmp_path):
    with closing(run_whole(toy_assembly(), tmp_path / "run")) as run:
        yield run


def test_of_map_elites_they_are_the_elites_with_what_is_recorded_of_them(run):
    members = run.population()
    by_id = dict(zip(members.ids.tolist(), range(len(members)), strict=True))
    assert {*by_id} == {elite.candidate_id for elite in run}
    assert members.images.shape == (len(members), *run.spec.shape)
    assert members.scores.shape == (len(members), len(run.classes))
    for elite in run:
        row = by_id[elite.candidate_id]
        assert (members.images[row] == elite.saved_pixels()).all()
        assert members.genomes[row] == elite.genome
        assert members.generations[row] == elite.generation
        assert members.scores[row, elite.index] == pytest.approx(elite.confidence)


class Keeping(ToyScheme):
    """Keeps its last generation, elites or not."""

    def tell(self, candidates, scores):
        self.last = [*candidates]
        return super().tell(candidates, scores)

    def members(self):
        return self.last


def test_of_a_scheme_with_a_population_they_are_all_of_it(tmp_path):
    run = neatfool.fool(
        ToyTarget(),
        image=TOY_SPEC.shape,
        classes=TOY_SPEC.classes,
        encoding=ToyEncoding,
        scheme=Keeping,
        generations=6,
        out=tmp_path / "run",
        progress=False,
    )
    members, elites = run.population(), {elite.candidate_id for elite in run}
    assert {*range(40, 48)} <= {*members.ids.tolist()} == elites | {*range(40, 48)}
    drawn = run.encoding.render(members.genomes).numpy()
    assert (members.images == drawn).all()
    held = [candidate for _, candidate, _ in run.holders()]
    assert (np.isnan(members.scores).all(1) == ~np.isin(members.ids, held)).all()


def test_a_run_without_elites_has_no_members(tmp_path):
    members = neatfool.open_run(write_run(tmp_path / "run", [])).population()
    assert (len(members), members.ids.shape, len(members.scores)) == (0, (0,), 0)


def test_the_population_of_single_class_has_its_fitness(tmp_path):
    def unsure(images):
        bright = 0.25 + images.mean((1, 2, 3)) / 510
        return np.stack([bright, 1 - bright], 1)

    run = neatfool.fool(
        unsure,
        image=(1, 8, 8),
        classes=["bright", "dark"],
        scheme="single_class",
        generations=3,
        out=tmp_path / "run",
        progress=False,
    )
    members = run.population()
    known = np.isfinite(members.fitness)
    assert known.sum() > 10
    state = run.store.state()["scheme"]["population"]
    assert dict(state).keys() == {*members.ids[known].tolist()}


def test_without_a_population_there_is_no_fitness(run):
    assert np.isnan(run.population().fitness).all()
