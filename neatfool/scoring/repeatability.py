"""Repeatability: a few images are scored twice before a run, in different batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.errors import BudgetSpent, PluginError, TargetError
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Scores
from neatfool.wording import percent

if TYPE_CHECKING:
    import torch

    from neatfool.scoring.scorer import Scorer

ROUNDING: Final = 1e-4
"""The same batch, scored twice, may differ by this share of an image's largest logit."""
HALF_PRECISION: Final = 1e-2
"""In another batch an image may differ by this much: a network that computes in half precision
rounds differently in another row. So may a service's answers, which come from several machines."""
AGAIN: Final = [2, 0]
"""The probe images that are scored again. Those left out are the extreme ones, so that everything
that depends on the whole batch changes."""
TINY: Final = 1e-30
"""Smaller probabilities count as this one: their logarithms mean nothing."""


def probe_images(spec: ImageSpec) -> np.ndarray:
    """Make clouds with the spectrum of photographs, noise, waves like a CPPN's, and white."""
    rng = np.random.default_rng(2015)
    _, height, width = spec.shape
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    waves = [np.sin(4 * columns + c) * np.cos(3 * rows * columns - c) for c in range(spec.channels)]
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequencies[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=spec.shape)) / frequencies
    clouds = np.fft.irfft2(spectrum, (height, width))
    clouds /= max(np.abs(clouds).max(), TINY)
    noise = rng.uniform(-1, 1, spec.shape)
    levels = np.stack([clouds / 2, noise, np.stack(waves) / 2, np.ones(spec.shape)])
    return np.rint(127.5 + 127.5 * levels).astype(np.uint8)


def check_repeatability(scorer: Scorer) -> None:
    """Check that scores depend neither on the call nor on the other images of a batch."""
    import torch

    images = torch.from_numpy(probe_images(scorer.spec))
    kind = {"objective": scorer.spec.is_objective}
    if scorer.metered is not None:
        _blame_a_view(scorer, images)
        try:
            answers, names = scorer.metered.ask_twice(images[AGAIN[:1]])
        except BudgetSpent:
            return
        if np.all(answers.ok):
            apart, words = compare_scores(
                answers.part([0]), answers.part([1]), names, logs=False, **kind
            )
            if apart > HALF_PRECISION:
                raise _unsteady(scorer.name, "scored twice", words)
        return
    classes = scorer.spec.classes
    once = scorer.score(images)
    apart, words = compare_scores(once.part(AGAIN), scorer.score(images[AGAIN]), classes, **kind)
    if apart <= ROUNDING:
        return
    _blame_a_view(scorer, images)
    # Only now: most targets are repeatable, and are asked twice and not three times.
    by_chance, words_of_chance = compare_scores(once, scorer.score(images), classes, **kind)
    if by_chance > ROUNDING:
        raise _unsteady(scorer.name, "scored twice", words_of_chance)
    if apart > HALF_PRECISION:
        raise _unsteady(scorer.name, "scored in another batch", words)


def _blame_a_view(scorer: Scorer, images: torch.Tensor) -> None:
    from neatfool.scoring.wrapped_targets import ViewedTarget

    if isinstance(scorer.target, ViewedTarget) and (
        name := scorer.target.find_unsteady_view(images, AGAIN)
    ):
        raise PluginError(
            f"view {name!r}: the same image, changed twice, became two images. What a view makes "
            "of an image must follow from that image, its amount and its seed alone; `neatfool "
            "plugins check` checks it at each strength"
        )


def _unsteady(name: str, how: str, words: str) -> TargetError:
    return TargetError(
        f"{name}: the same image, {how}, got {words}. A saved image would not score what the run "
        "recorded. The usual cause is dropout, noise or augmentation that is left on, or a "
        "normalisation over the batch: a torch module needs .eval(). Of a dynamically quantised "
        "graph, score one image a call (batch_size = 1)"
    )


def compare_scores(
    one: Scores,
    other: Scores,
    classes: Sequence[str],
    *,
    logs: bool = True,
    objective: bool = False,
) -> tuple[float, str]:
    """Find the largest difference of scores [N, K] of the same images, and tell it.

    It is that of probabilities, or the relative one of logits; without these, ``logs`` compares
    logarithms of probabilities. The scores of an objective are compared relatively.
    """
    ok = np.asarray(one.ok)
    if not np.array_equal(ok, np.asarray(other.ok)):
        return np.inf, "a score once, and none the other time (NaN, infinite or refused)"
    if not (ok.any() and classes):
        return 0.0, ""
    shown, (a, b) = "probability", (np.asarray(each.probs, float)[ok] for each in (one, other))
    if objective:
        shown, apart = "score", _relative(a, b, axis=0, least=0.0)
    elif (apart := np.abs(a - b)).max() <= HALF_PRECISION:
        if one.logits is not None and other.logits is not None:
            shown = "logit"
            a, b = (np.asarray(each.logits, float)[ok] for each in (one, other))
        elif logs:
            shown = "logarithm of the probability"
            a, b = (np.log(np.maximum(each, TINY)) for each in (a, b))
        apart = np.maximum(apart, _relative(a, b)[:, : apart.shape[1]])
    row, column = map(int, np.unravel_index(apart.argmax(), apart.shape))
    values = [float(each[row, column]) for each in (a, b)]
    first, second = map(percent, values) if shown == "probability" else (f"{v:.6g}" for v in values)
    named = repr(classes[column])[:60]
    what = "niche" if objective else "class"
    return float(apart.max()), f"{first} and then {second} as the {shown} of {what} {named}"


def _relative(a: np.ndarray, b: np.ndarray, axis: int = 1, least: float = 1.0) -> np.ndarray:
    """Give differences as shares of their row's largest number, or of ``least`` if that is more."""
    with np.errstate(invalid="ignore"):  # infinite less infinite
        apart = np.where(a == b, 0.0, np.abs(a - b))
    largest = np.abs(np.where(np.isfinite(a), a, 0.0)).max(axis=axis, keepdims=True)
    scale = np.maximum(largest, least)
    apart = np.divide(apart, scale, out=apart, where=scale > 0)
    parts: np.ndarray = np.nan_to_num(apart, nan=np.inf, posinf=np.inf)
    return parts
