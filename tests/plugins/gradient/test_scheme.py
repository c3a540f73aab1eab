"""The scheme ``gradient``: the way up, what of it is kept, and what has no way up."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ini_text import ini
from pydantic import ValidationError
from searches import Silence, begin, go_on, kill_and_resume, stop_after

import neatfool
from neatfool import ExperimentError, ImageSpec, Scores, TargetError
from neatfool.evolution.assembly import assemble
from neatfool.experiment.experiment import load_experiment
from neatfool.fooling.open_runs import open_run
from neatfool.network import odds_and_gradients
from neatfool.present import write_report
from neatfool.run.images import decode_png
from neatfool.testing import TOY_SPEC, ToyTarget
from neatfool_plugins.direct import DirectEncoding
from neatfool_plugins.direct import Options as DirectOptions
from neatfool_plugins.gradient import PRESETS, Options, StepRule
from neatfool_plugins.gradient.scheme import Gradient, Positions, aims, climb, passes
from tests.support.databases import contents


def scheme(spec=TOY_SPEC, *, target=None, encoding=None, seed=1, **options):
    return Gradient(
        Options(**options),
        encoding=encoding or DirectEncoding(DirectOptions(), spec=spec),
        spec=spec,
        seed=seed,
        target=target or ToyTarget(spec),
    )


class Search:
    """A scheme at work on a target, without a database."""

    def __init__(self, target=None, **options):
        self.target = target or ToyTarget()
        self.scheme = scheme(self.target.spec, target=self.target, **options)
        self.encoding = DirectEncoding(DirectOptions(), spec=self.target.spec)
        self.replacements = []
        self.shown = []

    def generation(self, judge=lambda scores: scores):
        candidates = list(self.scheme.ask())
        if candidates:
            scores = judge(self.score(candidates))
            self.replacements += self.scheme.tell(candidates, scores)
            self.shown.append(candidates)
        return candidates

    def score(self, candidates):
        images = self.encoding.render([candidate.genome for candidate in candidates])
        scores = self.target.score(images.numpy())
        return Scores(scores.probs, scores.logits, np.ones(len(images), bool))

    def to_its_end(self):
        while self.generation():
            pass
        return self


# --- the way up


def test_every_class_is_climbed_to_certainty():
    search = Search(batch=2).to_its_end()
    # Of the class "e" no image is surer than 0.999885.
    assert (search.scheme.archive.scores[:4] >= 0.9999).all()
    assert search.scheme.archive.scores[4] == pytest.approx(0.999885, abs=2e-6)
    assert max(map(len, search.shown)) == 2


HOW = {"at_once": "", "spec": TOY_SPEC}


def test_gradients_are_those_of_the_log_odds():
    target, images = ToyTarget(), np.full((2, *TOY_SPEC.shape), 100, np.uint8)
    odds, gradients = odds_and_gradients(target.logits_of, images, [3, 0], **HOW)
    logits = target.score(images).logits
    assert odds == pytest.approx(neatfool.log_odds(logits)[[0, 1], [3, 0]])
    brighter, darker = images.copy(), images.copy()
    brighter[0, 0, 1, 2] += 1
    darker[0, 0, 1, 2] -= 1
    up, down = (neatfool.log_odds(target.score(each).logits)[0, 3] for each in (brighter, darker))
    assert (up - down) / 2 == pytest.approx(gradients[0, 0, 1, 2], rel=1e-3)


def test_a_target_may_write_to_the_images_that_it_is_differentiated_on():
    target, images = ToyTarget(), np.full((2, *TOY_SPEC.shape), 100, np.uint8)

    def writing(pixels):
        return target.logits_of(pixels.mul_(0.5))

    odds, gradients = odds_and_gradients(writing, images, [3, 0], **HOW)
    halved, by_half = odds_and_gradients(target.logits_of, images // 2, [3, 0], **HOW)
    assert np.array_equal(odds, halved)
    assert gradients == pytest.approx(by_half / 2)


def test_certainty_has_a_gradient_still():
    """A softmax in single precision would be flat where the log-odds are 40."""
    weights = torch.tensor([[40.0, 0.0, 0.0]])

    def logits_of(images):
        return (images[:, :1, 0, 0] / 255) @ weights

    images, spec = (
        np.full((1, 1, 2, 2), 255, np.uint8),
        neatfool.ImageSpec(2, 2, 1, ("a", "b", "c")),
    )
    odds, gradients = odds_and_gradients(logits_of, images, [0], at_once="", spec=spec)
    assert odds[0] == pytest.approx(40 - np.log(2))
    assert gradients[0, 0, 0, 0] == pytest.approx(40 / 255)


def positions(*shape, seed=0):
    return Positions.of(np.random.default_rng(seed).uniform(0, 255, shape))


def step_from(here, gradients, odds=0.0, taken=0, **rule):
    """Take a step, after so many, from images that began at 100."""
    count = len(here.images)
    given = {"steps": 9, "gain": 1e-20, "late_gain": 1e-20} | rule
    return climb(
        StepRule(**given),
        here,
        np.broadcast_to(odds, count),
        gradients.astype(np.float32),
        start=[100],
        steps=np.broadcast_to(taken, count).tolist(),
    )


def test_a_step_gains_what_it_aims_at_where_log_odds_are_linear():
    here, gradients = positions(3, 1, 4, 4), np.random.default_rng(1).normal(0, 1, (3, 1, 4, 4))
    odds = np.array([-5.0, 0.0, 5.0])
    there = step_from(here, gradients, odds, gain=10, late_gain=2)
    gained = (gradients * (there.pixels() - here.pixels())).sum((1, 2, 3))
    assert gained == pytest.approx([9.95, 6, 2.05], abs=0.1)


def test_the_papers_step_gains_confidence():
    """min(early, late (1 - p)): a gain in p, of which the log-odds' is that over p (1 - p)."""
    odds = np.array([-9.0, -1.0, 1.0, 6.0, 12.0])
    p = 1 / (1 + np.exp(-odds))
    wanted = np.minimum(0.03, 0.02 * (1 - p)) / (p * (1 - p))
    assert aims(PRESETS["a"], odds) == pytest.approx(wanted, rel=1e-6)


def test_no_odds_are_beyond_a_step():
    gradients = np.full((4, 1, 2, 2), 1e-30, np.float32)
    for preset in PRESETS:
        odds = np.array([-1e9, -800.0, 800.0, 1e9])
        there = step_from(positions(4, 1, 2, 2), gradients, odds, 1, **asdict(PRESETS[preset]))
        assert np.isfinite(there.pixels()).all()


def test_decay_draws_to_the_start():
    here = Positions.of(np.full((1, 1, 3, 3), 200.0))
    flat = np.full((1, 1, 3, 3), 1e-12, np.float32)
    assert step_from(here, flat, decay=0.1).pixels() == pytest.approx(190, abs=0.01)


def test_a_blur_comes_every_so_many_steps():
    pixels = np.full((2, 1, 9, 9), 100.0)
    pixels[:, 0, 4, 4] = 200
    flat = np.full(pixels.shape, 1e-12, np.float32)
    there = step_from(Positions.of(pixels), flat, 0, [2, 3], blur=1, blur_every=2).pixels()
    assert there[0, 0, 4, 4] < 130
    assert there[0].sum() == pytest.approx(pixels[0].sum(), rel=1e-3)
    assert np.array_equal(there[1], pixels[1])


def test_pruning_puts_the_least_pixels_back():
    pixels = 100 + np.arange(100.0).reshape(1, 1, 10, 10)
    gradients = np.full(pixels.shape, 1e-12, np.float32)
    gradients[0, 0, :, 9] = 1e-15
    there = step_from(Positions.of(pixels), gradients, prune_small=20).pixels()[0, 0]
    assert (there.ravel()[:20] == 100).all()
    assert np.array_equal(there.ravel()[20:], pixels.ravel()[20:])
    there = step_from(Positions.of(pixels), gradients, prune_idle=11).pixels()[0, 0]
    assert (there[:, 9] == 100).all()
    assert (there[2:, :9] != 100).all()


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=30))
def test_pixels_are_kept_to_a_part_of_a_grey_level(numbers):
    pixels = np.array(numbers).reshape(1, 1, 1, -1)
    found = Positions.of(pixels)
    assert found.images.dtype == np.uint8
    assert found.rests.dtype == np.int8
    clipped = np.clip(pixels, 0, 255)
    assert np.abs(found.pixels() - clipped).max() <= 0.5 / 256
    assert np.abs(found.images - clipped).max() <= 0.5 + 0.5 / 256
    again = Positions.of(found.pixels())
    assert np.array_equal(again.images, found.images)
    assert np.array_equal(again.rests, found.rests)


def test_small_steps_add_up():
    """Less than half a grey level a step, which bytes alone would lose."""
    here = Positions.of(np.full((1, 1, 1, 1), 100.0))
    gradients = np.full((1, 1, 1, 1), 1.0, np.float32)
    for taken in range(10):
        here = step_from(here, gradients, 0, taken, gain=0.25, late_gain=0.25)
    assert here.pixels().item() == 102.5


# --- what is kept


def test_the_first_over_each_mark_and_each_tenfold_of_the_odds_are_kept():
    marks = (0.99, 0.999)
    assert passes(0.991, 0.989, marks)
    assert not passes(0.9985, 0.991, (0.999,))
    assert passes(0.999, 0.991, marks)
    assert passes(0.02, 0.001, marks)
    assert not passes(0.005, 0.001, marks)
    assert passes(1.0, 0.99999, marks)
    assert not passes(1.0, 1.0, marks)
    assert passes(0.1, 0.0, marks)
    assert not passes(0.0, 0.0, marks)


def test_not_each_step_is_kept_but_the_best_is():
    search = Search(preset="plain", steps=60, stop_at=1).to_its_end()
    best = np.zeros(5)
    for candidates in search.shown:
        probs = search.score(candidates).probs
        assert len(candidates) == 5 or candidates is search.shown[-1]
        if len(candidates) == 5:
            best = np.maximum(best, np.diagonal(probs))
    assert np.array_equal(search.scheme.archive.scores, best)
    assert len(search.replacements) < 5 * 20
    assert len(search.shown) in (61, 62)


def test_parents_link_what_was_kept():
    search = Search().to_its_end()
    kept = {each.elite.candidate.id: each for each in search.replacements}
    for replacement in search.replacements:
        parents = replacement.elite.candidate.parents
        assert parents == (() if replacement.previous is None else (replacement.previous,))
        assert all(kept[p].elite.class_index == replacement.elite.class_index for p in parents)
        assert not replacement.goal_switch


def test_a_best_image_of_the_past_is_shown_again_at_the_end():
    """The last step makes it worse: what was best, and not kept, is shown once more."""
    search = Search(classes=["b"], steps=3, stop_at=1, noise=0)
    confidences = iter([0.2, 0.3, 0.35, 0.25, 0.35, 1.0])

    def judge(scores):
        probs = np.zeros_like(scores.probs)
        probs[:, 1] = next(confidences)
        probs[:, 0] = 1 - probs[:, 1]
        return Scores(probs, None, scores.ok)

    while search.generation(judge):
        pass
    assert [len(each) for each in search.shown] == [1] * 5
    assert search.scheme.archive.scores[1] == 0.35
    assert search.shown[4][0].genome == search.shown[2][0].genome


def test_an_image_that_cannot_be_scored_is_climbed_from_and_not_kept():
    search = Search(steps=4, stop_at=1)
    for _ in range(3):
        search.generation(lambda scores: Scores(scores.probs, None, np.zeros(len(scores.ok), bool)))
    assert not search.replacements
    search.to_its_end()
    assert (search.scheme.archive.candidate_ids >= 0).all()


# --- what has no way up


def test_a_target_without_gradients_is_refused_in_words():
    class Scoring(ToyTarget):
        logits_of = None

    with pytest.raises(ExperimentError, match=r"no gradients.*logits_of.*map_elites"):
        scheme(target=Scoring())


def test_an_encoding_without_pixels_is_refused_in_words(tmp_path):
    file = tmp_path / "e.ini"
    file.write_text(
        "[experiment]\ngenerations = 2\n[target]\nplugin = mnist\n[scheme]\nplugin = gradient\n"
    )
    with pytest.raises(ExperimentError, match=r"plugin = gradient: .*plugin = direct"):
        assemble(load_experiment(file))


class Bent(ToyTarget):
    """A target whose gradients are not as they should be."""

    def __init__(self, bend):
        super().__init__()
        self.bend = bend

    def logits_of(self, images):
        return self.bend(images, super().logits_of(images))


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        (lambda images, logits: 0 * logits, "all 5 images are zero"),
        (lambda images, logits: (1000 * logits).float().softmax(1).round(), "zero in every pixel"),
        (lambda images, logits: logits.detach(), "cannot be differentiated"),
        (lambda images, logits: logits * np.nan, "not finite"),
        (lambda images, logits: logits[0], r"logits_of\(\) gave Tensor"),
        (lambda images, logits: logits.numpy(), "failed on 5x1x4x4 images .*RuntimeError"),
        (lambda images, logits: None, "gave NoneType"),
    ],
)
def test_gradients_that_lead_nowhere_end_the_run(bend, message):
    search = Search(Bent(bend))
    search.generation()
    with pytest.raises(TargetError, match=message):
        search.generation()


class Cramped(ToyTarget):
    """A target with memory for the gradients of a few images only."""

    def __init__(self, most):
        super().__init__()
        self.most = most
        self.sizes = []

    def logits_of(self, images):
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.sizes.append(len(images))
        # The bits are not those of a larger batch.
        return super().logits_of(images) * (1 + 1e-7 * len(images))


def test_out_of_memory_halves_the_gradients_at_once(caplog, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.gradient.scheme.GRADIENTS_OF_SMALL", 4)
    search = Search(Cramped(1)).to_its_end()
    monkeypatch.setattr("neatfool_plugins.gradient.scheme.GRADIENTS_OF_SMALL", 1)
    small = Search(Cramped(1)).to_its_end()
    assert search.target.sizes == small.target.sizes
    assert [[each.genome for each in part] for part in search.shown] == [
        [each.genome for each in part] for part in small.shown
    ]
    for said, size in zip(caplog.messages, (4, 2), strict=True):
        assert f"out of memory for the gradients of {size} images at once" in said
    assert search.scheme.state()["at_once"] == 1


def test_gradients_at_once_stay_few_in_a_search_that_goes_on_where_there_is_more_memory():
    search = Search(Cramped(2))
    for _ in range(3):
        search.generation()
    held = {each.id: each for part in search.shown for each in part}
    state = json.loads(json.dumps(search.scheme.state()))
    roomy = Search(Cramped(1000))
    for class_index in range(5):
        roomy.scheme.archive.place(search.scheme.archive.elite(class_index))
    roomy.scheme.restore(state, held)
    search.generation()
    roomy.generation()
    assert set(roomy.target.sizes) == {2, 1}
    assert [each.genome for each in roomy.shown[-1]] == [each.genome for each in search.shown[-1]]


def test_the_gradient_of_a_single_image_that_is_too_much_is_told():
    search = Search(Cramped(0))
    search.generation()
    with pytest.raises(TargetError, match=r"failed on 1x1x4x4 images .*out of memory"):
        search.generation()


def test_one_class_without_a_way_up_does_not_end_the_others():
    def bend(images, logits):
        return torch.cat([logits[:4], 0 * logits[4:]])

    search = Search(Bent(bend)).to_its_end()
    shown = [[each.genome for each in candidates] for candidates in search.shown]
    assert shown[1][4] == shown[0][4], "what cannot climb is shown once more, and that is all"
    assert len(shown[2]) == 4
    assert (search.scheme.archive.scores[:4] >= 0.9999).all()
    assert search.scheme.archive.candidate_ids[4] == 4


# --- options


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_what_is_left_out(preset):
    options, rule = Options(preset=preset), PRESETS[preset]
    assert (options.steps, options.noise) == (rule.steps, rule.noise)
    assert Options(**json.loads(options.model_dump_json())) == options
    assert Options(preset=preset, steps=7, noise=3).steps == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": [256]}, "grey levels"),
        ({"start": []}, "at least 1"),
        ({"steps": 0}, "greater than 0"),
        ({"preset": "d"}, "'quick', 'plain'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        Options(**options)


def test_a_start_of_another_number_of_channels_is_refused():
    with pytest.raises(ExperimentError, match="1 channel"):
        scheme(start=[1, 2, 3])
    colour = ImageSpec(4, 4, 3, ("a", "b"))
    first = next(iter(scheme(colour, start=[10, 20, 30], noise=0, preset="plain").ask()))
    assert first.genome.genes[:, 0, 0].tolist() == [10, 20, 30]


# --- in a run

GRADIENT = ini(
    experiment={"name": "climb", "generations": 100},
    target={"plugin": "mnist"},
    encoding={"plugin": "direct"},
    scheme={"plugin": "gradient", "batch": 4, "start": 33},
)
PAPER = GRADIENT + "preset = c\nsteps = 12\nstop_at = 1\n"
DIRECT = ini(
    experiment={"name": "direct", "generations": 20},
    target={"plugin": "mnist"},
    encoding={"plugin": "direct", "halve_rate_every": 6},
    scheme={"plugin": "map_elites", "batch": 24, "initial": 40},
)
STOPS = (1, 6, 11)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GRADIENT, id="quick"),
        pytest.param(PAPER, id="paper", marks=pytest.mark.slow),
        pytest.param(DIRECT, id="direct", marks=pytest.mark.slow),
    ],
)
def test_stopped_or_killed_and_resumed_a_run_ends_in_the_same_database(tmp_path, text):
    expected = kill_and_resume(tmp_path, text, STOPS)
    assert max(row[1] for row in expected["replacement"]) > max(STOPS)
    stopped = tmp_path / "stopped"
    outcome = begin(stopped, text).go(Silence(), stop_after(STOPS[1]))
    assert outcome.reason == "interrupted"
    go_on(stopped).go(Silence())
    assert contents(stopped / "run.db") == expected


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run that climbed for all ten digits."""
    folder = tmp_path_factory.mktemp("gradient") / "run"
    begin(folder, GRADIENT).go(Silence())
    return folder


def test_every_digit_is_certain_from_its_png(finished):
    verified = open_run(finished).verify().results
    assert len(verified) == 10
    assert min(each.measured for each in verified) >= 0.9999
    assert max(each.difference for each in verified) < 1e-6


def test_the_run_can_be_read_rendered_and_reported(finished):
    run = open_run(finished)
    elite = run.elite("7")
    assert elite.image(56).size == (56, 56)
    assert np.array_equal(elite.pixels(), decode_png(elite.png))
    confidences = [each.confidence for each in run.lineage("7")]
    assert all(confidences)
    assert confidences == sorted(confidences, reverse=True)
    assert len(confidences) > 2
    with pytest.raises(neatfool.RunError, match="'direct' are not graphs"):
        elite.graph()
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("<img") >= 10


def test_when_a_run_is_over_nothing_but_elites_and_ancestors_is_stored(finished):
    rows = contents(finished / "run.db")
    assert {row[0] for row in rows["candidate"]} == {row[3] for row in rows["replacement"]}


class Half(torch.nn.Module):
    """Says of a grey image in [0, 1] whether it is bright above or below."""

    def __init__(self, *, softmax):
        super().__init__()
        self.softmax = softmax

    def forward(self, images):
        halves = torch.stack([images[:, 0, :4].mean((1, 2)), images[:, 0, 4:].mean((1, 2))], 1)
        return (30 * halves).softmax(1) if self.softmax else 30 * halves


@pytest.mark.parametrize("softmax", [False, True])
def test_a_module_of_ones_own_is_climbed_with_logits_or_probabilities(tmp_path, softmax):
    run = neatfool.fool(
        Half(softmax=softmax).eval(),
        image=(1, 8, 8),
        classes=["above", "below"],
        generations=60,
        encoding="direct",
        scheme="gradient",
        out=tmp_path / "run",
        progress=False,
    )
    assert [elite.confidence >= 0.9999 for elite in run] == [True, True]
    above = run["above"].pixels()[0].astype(float)
    assert above[:4].mean() > above[4:].mean() + 50
