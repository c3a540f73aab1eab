"""A target with a detector in front: what it scores, what a search sees, what it refuses."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import neatfool
from pydantic import ValidationError
from torch import nn

from neatfool import (
    ExperimentError,
    ImageSpec,
    Labels,
    Network,
    PluginError,
    Scores,
    Target,
    decode_png,
    log_odds,
    make_target,
    open_run,
    rank,
)
from neatfool.network import odds_and_gradients
from neatfool.ood import detector_names, in_distribution
from neatfool.ood.in_distribution import divide
from neatfool.testing import TOY_SPEC, ToyTarget, check_plugin
from neatfool_plugins.guarded import Options
from neatfool_plugins.guarded.target import GuardedTarget

MNIST = Path(__file__).parents[3] / "experiments" / "mnist.ini"
FITTING = sorted({*detector_names()} - {"mahalanobis"})
"""Detectors that the packaged digits can fit."""
FULL_DATA = os.environ.get("NEATFOOL_MNIST_DATA")


@pytest.fixture(scope="module")
def mnist():
    return make_target(MNIST)


@pytest.fixture(scope="module")
def digits(mnist):
    return in_distribution(mnist)


@pytest.fixture(scope="module")
def noise():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(256, (12, 1, 28, 28), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def mixed(digits):
    """Images of which some pass and some do not: digits that turn into their negatives."""
    some, share = digits.held_out[::13][:12], torch.linspace(0, 1, 12)[:, None, None, None]
    return ((1 - share) * some + share * (255 - some)).to(torch.uint8)


@pytest.mark.parametrize(("detector", "keeps"), [("energy", 0.95), ("knn", 0.99)])
def test_a_guarded_network_keeps_the_contract_of_a_target(detector, keeps):
    def make():
        target = make_target(MNIST)
        return GuardedTarget(target, in_distribution(target), detector=detector, keeps=keeps)

    check_plugin("target", make)


def test_a_guarded_target_that_is_shown_numpy_arrays_keeps_the_contract():
    images = torch.randint(256, (60, *TOY_SPEC.shape), generator=torch.Generator().manual_seed(0))
    known = divide(images.to(torch.uint8), "noise")
    check_plugin("target", lambda: GuardedTarget(ToyTarget(), known, detector="gen"))


@pytest.mark.parametrize("detector", FITTING)
def test_one_that_rejects_everything_leaves_no_confidence(mnist, digits, mixed, detector):
    scores = GuardedTarget(mnist, digits, detector=detector, keeps=0).score(mixed)
    assert not scores.probs.any()
    ranks = rank(scores)
    assert np.isfinite(ranks).all()
    assert len(np.unique(ranks.max(1))) > 1  # a slope to climb


@pytest.mark.parametrize("detector", FITTING)
def test_one_that_accepts_everything_changes_nothing(mnist, digits, mixed, detector):
    scores = GuardedTarget(mnist, digits, detector=detector, keeps=1).score(mixed)
    own = mnist.score(mixed)
    assert np.array_equal(scores.probs, own.probs)
    assert np.array_equal(scores.logits[:, :-1], own.logits)
    np.testing.assert_allclose(log_odds(scores.logits)[:, :-1], log_odds(own.logits), rtol=1e-12)


@pytest.mark.parametrize("detector", ["msp", "vim"])
def test_an_image_passes_unchanged_or_not_at_all(mnist, digits, mixed, detector):
    guarded = GuardedTarget(mnist, digits, detector=detector)
    scores, own = guarded.score(mixed), mnist.score(mixed)
    passes = scores.probs.any(1)
    assert 0 < passes.sum() < len(mixed)
    assert np.array_equal(scores.probs[passes], own.probs[passes])
    ranks = rank(scores)
    assert ranks[~passes].max() < ranks[passes].min()


def test_it_keeps_the_share_of_in_distribution_images(mnist, digits):
    for keeps in (0.5, 0.95):
        guarded = GuardedTarget(mnist, digits, detector="gen", keeps=keeps)
        passing = guarded.score(digits.held_out).probs.any(1).mean()
        assert keeps <= passing <= keeps + 0.01
    assert not guarded.spec.sums_to_one


def test_it_says_how_many_in_distribution_images_pass(mnist, digits):
    for known, passing in ((digits, "95 %"), (divide(digits.held_out[:20], "few"), "100 %")):
        said = GuardedTarget(mnist, known, detector="gen").describe()
        assert f"confidence 0. {passing} of in-distribution images pass." in said


@pytest.mark.parametrize("detector", ["energy", "entropy"])
def test_the_gradient_leads_through_the_detector(mnist, digits, noise, detector):
    guarded = GuardedTarget(mnist, digits, detector=detector, keeps=0.5)
    images, classes = noise[:4].numpy(), [3, 1, 4, 1]
    how = {"at_once": "images", "spec": guarded.spec}
    before, gradients = odds_and_gradients(guarded.logits_of, images, classes, **how)
    assert (before < -100).all()  # all are rejected
    assert np.array_equal(before, rank(guarded.score(noise[:4]))[range(4), classes])
    steepest = np.abs(gradients).max(axis=(1, 2, 3), keepdims=True)
    nearer = np.clip(images + 12 * gradients / steepest, 0, 255).round().astype(np.uint8)
    after, _ = odds_and_gradients(guarded.logits_of, nearer, classes, **how)
    assert (after > before).all()


def test_its_fingerprint_says_what_it_depends_on(mnist, digits):
    def fingerprint(known=digits, **changed):
        return GuardedTarget(mnist, known, **{"detector": "msp", **changed}).fingerprint()

    fewer = divide(digits.held_out, "fewer")
    others = [
        fingerprint(known=fewer),
        *(fingerprint(**each) for each in ({"detector": "gen"}, {"keeps": 0.9})),
    ]
    assert fingerprint() == fingerprint()
    assert len({fingerprint(), mnist.fingerprint(), *others}) == 5


class Paid(ToyTarget):
    def meter(self, ledger):
        raise AssertionError("nothing may be asked")


class Named(ToyTarget):
    def score(self, images):
        return Labels([{"a": 0.5} for _ in images])


class OnlyProbabilities(ToyTarget):
    def score(self, images):
        return Scores(super().score(images).probs)


class Convolutional(Target):
    """A network whose last layer is no linear one."""

    spec = ImageSpec(4, 4, 1, ("a", "b"), array="torch")

    def __init__(self):
        layers = nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.networks = [Network(nn.Sequential(*layers).eval(), device="cpu")]

    def score(self, images):
        return self.networks[0].score(images)


@pytest.mark.parametrize(
    ("target", "detector", "says"),
    [
        (Paid(), "msp", "costs something to ask"),
        (Named(), "msp", "names only some classes"),
        (OnlyProbabilities(), "energy", "msp, entropy or gen"),
        (ToyTarget(ImageSpec(4, 4, 1, ("a", "b"), sums_to_one=False)), "msp", "do not sum to one"),
        (ToyTarget(), "knn", "no PyTorch networks"),
        (Convolutional(), "vim", "does not end in a linear layer"),
    ],
)
def test_what_cannot_be_guarded_is_refused_in_words(target, detector, says):
    images = torch.arange(64 * 16, dtype=torch.int64).reshape(64, 1, 4, 4).to(torch.uint8)
    with pytest.raises(ExperimentError, match=says):
        GuardedTarget(target, divide(images, "ramps"), detector=detector)


def test_probabilities_suffice_where_a_detector_needs_no_more():
    images = torch.randint(256, (60, *TOY_SPEC.shape), dtype=torch.uint8)
    known = divide(images, "noise")
    (of_probs, of_logits) = (
        GuardedTarget(target, known, detector="entropy").score(images.numpy()).probs
        for target in (OnlyProbabilities(), ToyTarget())
    )
    assert np.array_equal(of_probs, of_logits)


def test_detectors_with_fewer_images_than_features_are_warned_of(mnist, digits, caplog):
    for detector, warned in (("vim", True), ("knn", False)):
        caplog.clear()
        GuardedTarget(mnist, digits, detector=detector)
        advice = "fitted to 150 images, fewer than the 500 features"
        assert (advice in caplog.text) is warned
    with pytest.raises(ExperimentError, match="cannot be fitted to 150 images"):
        GuardedTarget(mnist, digits, detector="mahalanobis")


def test_a_target_without_photographs_needs_a_folder(tmp_path):
    with pytest.raises(ExperimentError, match="brings no photographs along"):
        in_distribution(ToyTarget())
    with pytest.raises(ExperimentError, match="there is no image in it"):
        in_distribution(ToyTarget(), tmp_path)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x89PNG no more", "cannot identify"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", "a program"),
    ],
)
def test_a_photograph_that_cannot_be_read_is_named(tmp_path, data, fault):
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(data)
    with pytest.raises(ExperimentError, match=f"a.png: cannot be read as an image .*{fault}"):
        in_distribution(ToyTarget(), tmp_path)


def test_what_a_target_offers_must_be_photographs_by_name():
    class Lists(ToyTarget):
        def photographs(self):
            return []

    with pytest.raises(PluginError, match="must give Pillow images by name, and gave list"):
        in_distribution(Lists())


def test_a_folder_of_images_is_in_distribution(tmp_path, mnist):
    for name, image in mnist.photographs().items():
        folder = tmp_path / name[0]
        folder.mkdir(exist_ok=True)
        image.save(folder / f"{name}.png")
    found = in_distribution(mnist, tmp_path)
    assert (len(found.fitted), len(found.held_out), found.few) == (150, 150, False)
    own = {image.numpy().tobytes() for image in in_distribution(mnist).fitted}
    assert {image.numpy().tobytes() for image in found.fitted} & own


def test_to_a_handful_of_images_no_detector_is_fitted(mnist, digits):
    known = divide(digits.held_out[:5], "five")
    assert known.few
    assert "these are few, so rates are rough" in known.describe()
    with pytest.raises(ExperimentError, match="5 are too few for both"):
        GuardedTarget(mnist, known, detector="knn")
    assert GuardedTarget(mnist, known, detector="msp").score(digits.held_out[:5]).probs.any()


@pytest.mark.slow
@pytest.mark.skipif(FULL_DATA is None, reason="NEATFOOL_MNIST_DATA does not name a folder")
def test_real_digits_fit_and_others_set_the_threshold(mnist):
    known = in_distribution(mnist, Path(str(FULL_DATA)))
    assert len(known.fitted) == len(known.held_out) == 10_000
    guarded = GuardedTarget(mnist, known, detector="mahalanobis")
    assert 0.95 <= guarded.score(known.held_out).probs.any(1).mean() < 0.951


def write(folder, detector="energy", guards=MNIST, scheme="map_elites\nbatch = 20"):
    file = folder / "guarded.ini"
    file.write_text(
        f"[experiment]\ngenerations = 3\n[target]\nplugin = guarded\nguards = {guards}\n"
        f"detector = {detector}\n[encoding]\nplugin = {'cppn' if 'map' in scheme else 'direct'}\n"
        f"[scheme]\nplugin = {scheme}\n"
    )
    return file


@pytest.mark.parametrize("detector", ["energy", "knn"])
def test_a_run_resumes_and_its_files_score_what_it_recorded(tmp_path, detector):
    file = write(tmp_path, detector)
    out = "--out", tmp_path / "run", "--no-report"
    assert neatfool("run", file, *out).exit_code == 0
    neatfool("resume", tmp_path / "run", "--generations", "5", "--no-report", exit_code=0)
    verified = json.loads(neatfool("verify", tmp_path / "run", "--json").stdout)
    assert verified["wrong"] == 0
    run = open_run(tmp_path / "run")
    inner = make_target(MNIST)
    for elite in run:
        own = inner.score(torch.from_numpy(decode_png(elite.png).copy())[None]).probs[0]
        assert elite.confidence in (0, pytest.approx(own[elite.index], abs=1e-5))


def test_gradient_ascent_climbs_past_the_detector(tmp_path):
    file = write(tmp_path, "energy", scheme="gradient\nclasses = 3, 8\nsteps = 40")
    neatfool("run", file, "--out", tmp_path / "run", "--no-report", "--set",
                    "experiment.generations=60", exit_code=0)  # fmt: skip
    assert [elite.confidence > 0.99 for elite in open_run(tmp_path / "run")] == [True, True]


def test_a_guard_is_not_guarded_again(tmp_path):
    first = write(tmp_path)
    (tmp_path / "second").mkdir()
    second = write(tmp_path / "second", guards=first)
    result = neatfool("run", second, "--out", tmp_path / "run", exit_code=2)
    assert "guarded already" in result.output


def test_a_detector_that_keeps_nothing_is_refused():
    with pytest.raises(ValidationError, match="greater than 0"):
        Options(guards=MNIST, keeps=0)
