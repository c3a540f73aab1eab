"""A target that is shown views of each image, from its score to whole runs."""

from contextlib import closing
from itertools import pairwise

import numpy as np
import pytest
import torch
import toy_views
from ini_text import ini
from paid import PaidToy
from searches import Silence, begin, kill_and_resume

import neatfool
from neatfool.evolution.assembly import assemble
from neatfool.experiment.experiment import Experiment
from neatfool.experiment.view_settings import ViewSettings
from neatfool.scoring.wrapped_targets import ViewedTarget
from neatfool.search.learning import Learner
from neatfool.spec.archive import Candidate
from neatfool.testing import TOY_SPEC, ToyEncoding, ToyTarget, check_plugin
from tests.support.databases import contents

VIEWS = {"darker": 60.0, "rolled": 2.0}
TOYS = {"image": TOY_SPEC.shape, "classes": TOY_SPEC.classes, "encoding": "direct"}


def viewed(number=3, target=None, seed=1, strengths=VIEWS):
    made = {"darker": toy_views.Darker(), "rolled": toy_views.Rolled()}
    showing = ViewSettings(number, strengths, {name: made[name] for name in strengths})
    return ViewedTarget(target or ToyTarget(), showing, name="target 'toy'", seed=seed)


def images(count=6):
    pixels = np.random.default_rng(4).integers(0, 256, (count, *TOY_SPEC.shape))
    return torch.from_numpy(pixels.astype(np.uint8))


def test_it_keeps_the_contract_of_targets():
    check_plugin("target", viewed)


def test_the_score_is_the_mean_of_what_each_view_scores():
    shown = viewed().show(images())
    assert len(torch.unique(shown, dim=0)) == 18
    probs = ToyTarget().score(shown.numpy()).probs.reshape(6, 3, -1)
    scores = viewed().score(images().numpy())
    np.testing.assert_allclose(scores.probs, probs.mean(1))
    odds = np.log(scores.probs) - np.log1p(-scores.probs)
    np.testing.assert_allclose(neatfool.rank(scores), odds, rtol=1e-6)


def test_nothing_is_lost_near_certainty():
    class Sure(ToyTarget):
        def score(self, images):
            logits = np.zeros((len(images), 5))
            logits[:, 0] = 60 + images.reshape(len(images), -1).mean(1) / 255
            return neatfool.Scores(np.eye(5)[[0] * len(images)], logits)

    scores = viewed(target=Sure(), strengths={"darker": 60.0}).score(images().numpy())
    best = neatfool.rank(scores)[:, 0]
    assert len(set(best)) == 6
    assert (best > 58).all()
    assert (best < 60).all()


def test_what_is_shown_depends_on_the_images_bytes_and_the_runs_seed_alone():
    once = viewed().show(images())
    assert torch.equal(
        viewed().show(images().flip(0)).reshape(6, 3, -1).flip(0).flatten(1),
        (once.reshape(6, 3, -1).flatten(1)),
    )
    assert torch.equal(viewed(number=5).show(images())[:3], once[:3])
    assert not torch.equal(viewed(seed=2).show(images()), once)


def test_views_that_share_together_and_follow_one_another_are_applied_together():
    calls = []

    class Dimmer(toy_views.Darker):
        @staticmethod
        def together(images, views, amounts, seeds):
            calls.append((len(views), tuple(amounts.shape), tuple(seeds.shape)))
            return images * (1 - amounts / 100).prod(1)[:, None, None, None]

    def show(*kinds):
        made = {str(place): kind() for place, kind in enumerate(kinds)}
        showing = ViewSettings(3, dict.fromkeys(made, 40.0), made)
        return ViewedTarget(ToyTarget(), showing, name="target 'toy'", seed=1).show(images())

    dark = toy_views.Darker
    apart, at_once = show(dark, dark, dark, dark), show(Dimmer, Dimmer, dark, Dimmer)
    assert calls == [(2, (18, 2), (18, 2)), (1, (18, 1), (18, 1))]
    assert (apart.int() - at_once.int()).abs().max() <= 1


def test_a_target_has_with_views_what_it_has_without():
    assert hasattr(viewed(), "logits_of")
    assert not hasattr(viewed(target=PaidToy()), "logits_of")
    assert viewed(target=PaidToy()).batch_size == PaidToy.batch_size
    assert viewed().describe() == (
        "Each image is changed at random, darker (0 to 60 %), rolled (-2 to 2 pixels), and shown "
        "3 times; the mean counts."
    )


def test_learning_improves_what_views_score():
    target, encoding = viewed(number=8), ToyEncoding()
    options = neatfool.LearningOptions(learn=0.5, learn_rate=10, learn_steps=32)
    learner = Learner(options, encoding=encoding, target=target, classes=5)
    parents = [Candidate(number, genome) for number, genome in enumerate(encoding.create(range(4)))]
    children = list(learner.learn([(parent, 2) for parent in parents], first_id=4, generation=1))
    before, after = (
        neatfool.rank(target.score(encoding.render([each.genome for each in some]).numpy()))[:, 2]
        for some in (parents, children)
    )
    assert (after > before + 1).all()


def test_a_refinement_sees_the_first_view_of_each_image():
    target, some = viewed(number=4), images()
    first = target.show(some)[::4]
    plain = ToyTarget().logits_of(first.float())
    assert target.logits_of_a_view(some.float()).allclose(plain, atol=1e-4)
    assert not hasattr(viewed(target=PaidToy()), "logits_of_a_view")


def test_a_step_of_a_refinement_costs_one_view_and_its_gradient():
    shown = []

    class Counting(ToyTarget):
        def logits_of(self, images):
            shown.append(len(images))
            return super().logits_of(images)

    target = viewed(number=4, target=Counting())
    options = neatfool.LearningOptions(learn=0.5, learn_steps=5, learn_after=0)
    learner = Learner(options, encoding=ToyEncoding(), target=target, classes=5)
    parents = [Candidate(number, each) for number, each in enumerate(ToyEncoding().create([1, 2]))]
    children = list(learner.learn([(each, 1) for each in parents], first_id=2, generation=1))
    assert sum(shown) == 5 * 2
    assert [child.evaluations for child in children] == [1 + 2 * 3 * 5, 1]


EXPERIMENT = ini(
    experiment={"images": 900, "seed": 3},
    plugins={"path": toy_views.__file__},
    target={"plugin": "mnist"},
    views={"number": 4, "darker": 50, "rolled": 2},
    scheme={"plugin": "map_elites", "batch": 50, "learn": 0.5, "learn_steps": 2, "learn_after": 1},
)


def test_a_run_with_views_is_the_same_after_a_kill_and_verifies(tmp_path):
    kill_and_resume(tmp_path, EXPERIMENT, [2])
    run = neatfool.open_run(tmp_path / "killed-2")
    assert run.verify().summary()["largest_difference"] == 0
    assert 800 < run.evaluations <= 900
    # Of 50 children four views each; of a refinement's child, too, and two steps of three images.
    reports = list(run.history)[:-1]
    more = [after.evaluations - before.evaluations for before, after in pairwise(reports)]
    assert {(images - 50 * 4) % (4 + 2 * 3) for images in more} == {0}
    assert max(more) > 50 * 4


def fool(folder, target=None, **more):
    how = {"images": 200, "seed": 2, "progress": False, "out": folder, **TOYS}
    return neatfool.fool(target or ToyTarget(), **how | more)


def test_each_view_counts_as_an_image(tmp_path):
    run = fool(tmp_path / "run", images=203, plugins=toy_views.__file__, views={"darker": 40})
    assert run.evaluations == 200
    assert sum(report.confirmed for report in run.history) == 50
    assert run.finished


def test_python_verifies_with_the_same_views(tmp_path):
    views = {"number": 2, **VIEWS}
    run = fool(tmp_path / "run", plugins=toy_views.__file__, views=views)
    assert run.experiment["views"] == views
    for verdict in (run.verify(), neatfool.open_run(run.path).verify(ToyTarget())):
        assert not verdict.wrong
    plain = fool(tmp_path / "plain", images=100)
    assert "views" not in plain.experiment
    assert plain.summary()["median"] > run.summary()["median"]


def test_views_from_python_are_checked(tmp_path):
    views = {"darkr": 3, "darker": 90, "rolled": float("nan"), "number": 0}
    with pytest.raises(neatfool.ExperimentError) as raised:
        fool(tmp_path / "run", plugins=toy_views.__file__, views=views)
    assert str(raised.value).splitlines() == [
        "views darkr: unknown key; did you mean 'darker'?",
        "views number: must be >= 1, not 0",
        "views darker: must be <= 80, not 90",
        "views rolled: must be a finite number, not nan",
    ]


FOCUS = ini(
    experiment={"name": "toy", "images": 900, "seed": 3},
    target={"plugin": "mnist"},
    views={"number": 3, "focus": 4},
    encoding={"plugin": "cppn", "band_limit": 2},
    scheme={"plugin": "map_elites", "batch": 50},
)


def test_with_focus_each_view_is_drawn_with_another_band_limit(tmp_path):
    begin(tmp_path / "run", FOCUS, "scheme.learn=0.3", "scheme.learn_after=1").go(Silence())
    with closing(neatfool.open_run(tmp_path / "run")) as run:
        assert run.verify().summary()["largest_difference"] == 0
        target = assemble(Experiment.from_resolved(run.experiment), to_search=False).target
        for elite in run.elites:
            # As saved, a quarter of the limit, and twice the limit.
            drawn = [run.encoding.in_focus(f).render([elite.genome]) for f in (1, 0.25, 2)]
            scores = target.score(torch.cat(drawn)).probs[:, elite.index]
            assert elite.confidence == pytest.approx(scores.mean(), abs=1e-5)
            assert run.score(elite.genome)[elite.name] == pytest.approx(elite.confidence, abs=1e-6)
            assert (drawn[0].numpy()[0] == np.asarray(elite.saved_pixels())).all()
        assert any((a != b).any() for a, b in pairwise(drawn))


def test_focus_needs_a_band_limit_and_three_views(tmp_path):
    with pytest.raises(neatfool.ExperimentError, match="focus = 4: the encoding has no band limit"):
        fool(tmp_path / "run", views={"number": 3, "focus": 4})
    with pytest.raises(neatfool.ExperimentError, match="set number to 3 or more"):
        fool(tmp_path / "run", views={"number": 2, "focus": 4})


UNSTEADY = """\
import torch
from toy_views import Darker
from neatfool import hookimpl

class Flickers(Darker):
    calls = 0

    def change(self, images, amounts, seeds):
        type(self).calls += 1
        return super().change(images, amounts + self.calls % 50, seeds)

class OfItsBatch(Darker):
    def change(self, images, amounts, seeds):
        return images * 128 / images.mean()

class Breaks(Darker):
    def change(self, images, amounts, seeds):
        raise RuntimeError("broken")

@hookimpl
def neatfool_register_views(register):
    register("rolled_too", Darker)
    register("flickers", Flickers)
    register("of_its_batch", OfItsBatch)
    register("breaks", Breaks)
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flickers", "view 'flickers': the same image, changed twice, became two images"),
        ("of_its_batch", "view 'of_its_batch': the same image, changed twice"),
        ("breaks", "view 'breaks': RuntimeError: broken"),
    ],
)
def test_a_view_at_fault_is_named_and_the_target_is_not(tmp_path, name, words):
    (tmp_path / "unsteady.py").write_text(UNSTEADY)
    with pytest.raises(neatfool.NeatfoolError, match=words):
        fool(
            *(tmp_path / "run", ToyTarget()),
            plugins=tmp_path / "unsteady.py",
            views={"rolled_too": 40, name: 60},
        )


PAID = {"plugins": toy_views.__file__, "views": {"darker": 40, "number": 4}}


def test_each_view_is_a_query(tmp_path):
    target = PaidToy()
    run = fool(tmp_path / "run", target, target_options={"max_queries": 104}, **PAID)
    assert target.queries == 104
    # Two are for the check that starts a session; the last candidate got only two of its four.
    assert run.evaluations == 100 == 4 * sum(report.confirmed for report in run.history)


def test_answers_to_views_outlive_a_service_that_is_gone(tmp_path):
    def vanish(call):
        if call > 9:
            raise neatfool.TargetUnavailable("nobody answers")

    whole = fool(tmp_path / "whole", PaidToy(), **PAID)
    assert fool(tmp_path / "run", PaidToy(wrong=vanish), **PAID).generation == -1
    target = PaidToy()
    run = fool(tmp_path / "run", target, resume_run=True, **PAID)
    assert 2 < target.queries < 202
    same = ("elite", "candidate", "generation")
    there, here = (contents(each.path / "run.db") for each in (whole, run))
    assert [there[table] for table in same] == [here[table] for table in same]
    assert not run.verify(PaidToy(), max_queries=1000).wrong
