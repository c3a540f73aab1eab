"""The scheme ``ribs`` searches, and what is wrong is said in words."""

import sys
from functools import partial

import numpy as np
import pytest

from neatfool import Archive, Candidate, ExperimentError, ImageSpec, Scores, rank
from neatfool.config.options import check_arguments
from neatfool.plugin.manager import PluginManager
from neatfool.testing import TOY_SPEC, ToyEncoding
from neatfool.testing.scheme_checks import SchemeSubject
from neatfool_plugins.cppn import CppnEncoding
from neatfool_plugins.cppn import Options as CppnOptions
from neatfool_plugins.ribs import Options
from neatfool_plugins.ribs.scheme import Ribs, judge

GREY = ImageSpec(height=8, width=8, channels=1, classes=("a", "b", "c"))


def make(encoding=None, spec=TOY_SPEC, seed=1, **options):
    small = {"emitter_count": 3, "batch_per_emitter": 6, **options}
    return Ribs(Options(**small), encoding=encoding or ToyEncoding(spec), spec=spec, seed=seed)


# --- searching


def search(generations=20, **options):
    found = SchemeSubject(partial(make, **options), parents=1).search()
    return found.scheme, list(found.steps(generations))


@pytest.mark.parametrize("patience", [0, 1, 5])
def test_it_improves_the_elites(patience):
    scheme, steps = search(sigma=0.2, restart_after=patience)
    begun, now = steps[0].after, scheme.archive
    assert (now.ranks >= begun.ranks).all()
    assert (now.ranks - begun.ranks).mean() > 0.5
    better = [step for step in steps[1:] if step.replacements]
    assert len(better) > 3


def test_every_generation_has_as_many_candidates_as_its_emitters_give():
    scheme, steps = search(4, emitter_count=4, batch_per_emitter=5, initial=7)
    assert [len(step.candidates) for step in steps] == [7, 20, 20, 20]
    assert scheme.batch == 20


def test_an_emitter_that_finds_nothing_starts_again_at_a_child_of_an_elite():
    scheme, _ = search(30, restart_after=1, batch_per_emitter=2)
    numbers = [each["number"] for each in scheme.state()["emitters"]]
    assert max(numbers) > 5
    patient, _ = search(30, restart_after=0)
    assert [each["number"] for each in patient.state()["emitters"]] == [0, 1, 2]


def test_a_strategy_that_has_gone_astray_starts_again():
    scheme, steps = search(5, sigma=1e9, restart_after=0)
    assert [each["number"] for each in scheme.state()["emitters"]] == [9, 10, 11]
    assert all(np.isfinite(candidate.genome).all() for candidate in steps[-1].candidates)


# --- encodings


def generation(scheme):
    return list(scheme.ask())


def scored(scheme, count, seed):
    logits = np.random.default_rng(seed).normal(size=(count, 3))
    weights = np.exp(logits)
    return Scores(weights / weights.sum(1, keepdims=True), logits, np.ones(count, bool))


def test_images_without_any_class_leave_it_waiting_for_one():
    spec = ImageSpec(4, 4, 1, (), sums_to_one=False, open=True)
    scheme = make(ToyEncoding(spec), spec)
    for _ in range(2):
        candidates = generation(scheme)
        count = len(candidates)
        assert not scheme.tell(candidates, Scores(np.zeros((count, 0)), ok=np.ones(count, bool)))


def test_a_network_keeps_its_structure_while_its_weights_vary():
    encoding = CppnEncoding(CppnOptions(preset="patterns", colour="grey", band_limit=0), spec=GREY)
    scheme = make(encoding, GREY, emitter_count=2, restart_after=0)
    scheme.tell(first := generation(scheme), scored(scheme, len(first), 0))
    shapes = [set(), set()]
    for number in (1, 2):
        candidates = generation(scheme)
        for place, candidate in enumerate(candidates):
            shapes[place // 6].add(tuple(sorted(candidate.genome.connections)))
        scheme.tell(candidates, scored(scheme, len(candidates), number))
    assert [len(each) for each in shapes] == [1, 1]
    assert shapes[0] != shapes[1]


def test_an_encoding_without_numbers_is_refused():
    class Sealed:
        parents = 1

    with pytest.raises(ExperimentError, match="no parameters; use"):
        make(Sealed())


# --- words


def test_an_emitter_of_one_image_is_refused():
    with pytest.raises(ExperimentError, match=r"^batch_per_emitter: must be >= 2"):
        check_arguments(Options, batch_per_emitter=1)


def test_without_pyribs_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("neatfool_plugins.ribs.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ribs", None)
    monkeypatch.setitem(sys.modules, "ribs.emitters.opt", None)
    registration = PluginManager().load("scheme", "ribs")
    with pytest.raises(ExperimentError, match=r"not installed; pip install 'neatfool\[ribs\]'"):
        registration.make(Options(), encoding=ToyEncoding(), spec=TOY_SPEC, seed=1)


def scores(logits, ok=None):
    logits = np.array(logits, np.float64)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    ok = np.ones(len(logits), bool) if ok is None else np.array(ok)
    return Scores(weights / weights.sum(1, keepdims=True), logits, ok)


def archive_of(*logits):
    archive = Archive(3)
    archive.offer([Candidate(n, None) for n in range(len(logits))], scores(logits))
    return archive


def test_value_is_the_largest_gain_over_all_niches():
    archive = archive_of([2, 0, 0])
    shown = scores([[3, 0, 0], [1, 0, 0], [0, 4, 0]])
    found = judge(archive, shown)
    assert found[:, 0].tolist() == [1, 1, 1]
    assert found[:, 1] == pytest.approx((rank(shown) - archive.ranks).max(1))
    # The second is worse at "a", and so better than the elite at the others.
    assert found[:, 1][1] == pytest.approx(rank(shown)[1, 1] - archive.ranks[1])


def test_what_is_nowhere_better_has_no_status_and_a_negative_value():
    archive = archive_of([3, 0, 0], [0, 3, 0], [0, 0, 3])
    found = judge(archive, scores([[1, 0, 0], [3, 0, 0]]))
    assert found[:, 0].tolist() == [0, 0]
    assert found[:, 1][0] < 0
    assert found[:, 1][1] == 0


def test_the_first_image_of_a_class_is_new():
    found = judge(Archive(3), scores([[1, 0, 0]]))
    assert found[:, 0].tolist() == [2]
    assert found[:, 1] == pytest.approx(rank(scores([[1, 0, 0]])).max(1))


def test_a_refused_image_teaches_finite_numbers_and_no_improvement():
    shown = scores([[1, 0, 0], [2, 0, 0]], ok=[False, True])
    broken = Scores(np.array([[np.nan] * 3, shown.probs[1]]), None, shown.ok)
    for each in (shown, broken):
        found = judge(Archive(3), each)
        assert found[:, 0].tolist() == [0, 2]
        assert np.isfinite(found[:, 1]).all()
