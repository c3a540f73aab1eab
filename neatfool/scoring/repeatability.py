"""Repeatability: does a target say the same of an image whenever it is asked?

A run records what a target said once, and the saved image is to score that for ever. So before a
run a few images are scored again, in another order and company, and during it an elite's is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.errors import BudgetSpent, TargetError
from neatfool.network.memory import OutOfMemory
from neatfool.run.images import decode_png
from neatfool.spec.scores import rank
from neatfool.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from neatfool.run.store import RunStore
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.scores import Scores

_log = logging.getLogger("neatfool.scoring")

ROUNDING: Final = 1e-4
"""The same batch scored twice may differ by so much, as a part of an image's largest logit."""
HALF_PRECISION: Final = 1e-2
"""In another company an image may: a network that itself computes in half precision may round
otherwise in another place of the batch. What a service says may differ by so much, too, as it may
compute on one machine now and on another then."""
COMPANY: Final = [2, 0]
"""The images that are scored again. Without the other two, which are the extreme ones, whatever is
taken from the whole batch changes, however large the batch is and whatever it is filled up with."""
TINY: Final = 1e-30
"""Smaller probabilities count as this: their logarithms say nothing."""


def probe_images(spec: ImageSpec) -> np.ndarray:
    """Make four images of different kinds: some for which a network's scores are not at their ends.

    Args:
        spec: Their size.

    Returns:
        uint8 [4, C, H, W]: clouds with the spectrum of photographs, noise, waves as a CPPN draws
        them, and white. Clouds and waves are of middling contrast.
    """
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
    """See that a target says the same of an image from call to call, and in any company.

    It is asked as a run asks it: in batches of the run's size. One that costs something is asked
    about one image twice, if there is budget for that.

    Args:
        scorer: The target; nothing that a run records of it changes.

    Raises:
        TargetError: Scores differ by more than rounding, or the target failed.
    """
    import torch

    images = torch.from_numpy(probe_images(scorer.spec))
    classes = scorer.spec.classes
    if scorer.metered is not None:
        _check_metered(scorer, images[COMPANY[:1]])
        return
    once = scorer.score(images)
    apart, words = differ(once.part(COMPANY), scorer.score(images[COMPANY]), classes)
    if apart <= ROUNDING:
        return
    # Only now, so that a target that repeats itself is asked twice and not three times.
    by_chance, words_of_chance = differ(once, scorer.score(images), classes)
    if by_chance > ROUNDING:
        raise _by_chance(scorer.name, words_of_chance)
    if apart > HALF_PRECISION:
        raise TargetError(
            f"{scorer.name}: what an image scores depends on the other images of its batch: "
            f"{words}. A saved image would not score what the run recorded. The usual cause is a "
            "normalisation over the batch (a torch module needs .eval()) or a dynamically "
            "quantised graph, whose rounding depends on the whole batch. If it cannot be mended, "
            "give one image a call: batch_size = 1"
        )


def _check_metered(scorer: Scorer, image: torch.Tensor) -> None:
    assert scorer.metered is not None
    try:
        answers, classes = scorer.metered.ask_twice(image)
    except BudgetSpent:
        return
    if not np.all(answers.ok):
        return
    apart, words = differ(answers.part([0]), answers.part([1]), classes, logs=False)
    if apart > HALF_PRECISION:
        raise _by_chance(scorer.name, words)


def _by_chance(name: str, words: str) -> TargetError:
    return TargetError(
        f"{name}: the same image, scored twice, got {words}. A saved image would not score what "
        "the run recorded. The usual cause is dropout that is left on (training=True in a "
        "module's forward; a torch module needs .eval()), random noise, or random augmentation: "
        "turn it off"
    )


def differ(
    one: Scores, other: Scores, classes: Sequence[str], *, logs: bool = True
) -> tuple[float, str]:
    """Find the largest difference between the scores of the same images.

    Args:
        one: Checked scores [N, K].
        other: Likewise.
        classes: What the classes are called.
        logs: Whether to look at the logarithms of probabilities where there are no logits: near
            certainty nothing else tells, but a service rounds what it says.

    Returns:
        The difference of probabilities, or that of logits as a part of the image's largest if it
        is more; and both scores in words.
    """
    ok = np.asarray(one.ok)
    if not np.array_equal(ok, np.asarray(other.ok)):
        return np.inf, "a score once and once none (NaN, infinite or refused)"
    if not (ok.any() and classes):
        return 0.0, ""
    shown, (a, b) = "probability", (np.asarray(each.probs, float)[ok] for each in (one, other))
    apart = np.abs(a - b)
    if apart.max() <= HALF_PRECISION:
        if one.logits is not None and other.logits is not None:
            shown = "logit"
            a, b = (np.asarray(each.logits, float)[ok] for each in (one, other))
        elif logs:
            shown = "logarithm of the probability"
            a, b = (np.log(np.maximum(each, TINY)) for each in (a, b))
        apart = np.maximum(apart, _relative(a, b))
    row, column = np.unravel_index(apart.argmax(), apart.shape)
    values = [float(each[row, column]) for each in (a, b)]
    first, second = map(percent, values) if shown == "probability" else (f"{v:.6g}" for v in values)
    named = repr(classes[column])[:60]
    return float(apart.max()), f"{first} and then {second} as the {shown} of class {named}"


def _relative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give differences as parts of the largest number of their row, or of one."""
    with np.errstate(invalid="ignore"):  # infinite less infinite
        apart = np.where(a == b, 0.0, np.abs(a - b))
    largest = np.abs(np.where(np.isfinite(a), a, 0.0)).max(axis=1, keepdims=True)
    parts: np.ndarray = np.nan_to_num(apart / np.maximum(largest, 1.0), nan=np.inf, posinf=np.inf)
    return parts


class DriftWatch:
    """Scores an elite's image again now and then, and warns once if it scores something else.

    A target that costs something is not asked: its answers are kept, and asking again would cost.
    """

    def __init__(self, scorer: Scorer, store: RunStore) -> None:
        """Begin.

        Args:
            scorer: The target; nothing that a run records of it changes.
            store: The run's database.
        """
        self._scorer = scorer
        self._store = store
        self._looks = 0
        self._told = False

    def look(self) -> None:
        """Score the image of the next elite again.

        Raises:
            TargetError: The target failed.
        """
        elites = [] if self._told or self._scorer.metered is not None else self._store.elites()
        if not elites:
            return
        elite = elites[self._looks % len(elites)]
        self._looks += 1
        png = self._store.image(elite.candidate)
        assert png is not None, "an elite's image is stored with it"
        import torch

        scores = self._scored(torch.from_numpy(decode_png(png).copy())[None])
        if scores is None:
            return
        now = rank(scores)[0, elite.class_index]
        beside = scores.probs[0] if scores.logits is None else scores.logits[0]
        apart = _relative(*(np.array([[each, *beside]]) for each in (elite.rank, now)))
        if apart.max() > HALF_PRECISION:
            self._told = True
            _log.warning(
                "%s: the image of %r was recorded with %s, and scores %s now: the target has "
                "changed since, or its scores depend on chance or on the other images of a batch. "
                "`neatfool verify RUN` scores all images again",
                self._scorer.name,
                self._scorer.spec.classes[elite.class_index],
                percent(elite.confidence),
                percent(float(scores.probs[0, elite.class_index])),
            )

    def _scored(self, image: torch.Tensor) -> Scores | None:
        """Score an image; None if memory does not suffice, which the run's own batches tell."""
        try:
            begun = self._scorer.batches.submit(image)
            return self._scorer.batches.concatenate([each.result()[0] for each in begun])
        except OutOfMemory:
            return None
