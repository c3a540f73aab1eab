"""The scheme: many classes climb at once, each for its own niche; and a step, as in the paper."""

from __future__ import annotations

import base64
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.special import expit, logit

from neatfool import (
    Archive,
    Candidate,
    Encoding,
    ExperimentError,
    ImageSpec,
    Pictorial,
    Replacement,
    Scheme,
    Scores,
    Target,
    TargetError,
    derive_seed,
    rank,
)
from neatfool.network import gradients_of, is_out_of_memory, odds_and_gradients

from . import PRESETS, Options, StepRule

_log = logging.getLogger("neatfool.scheme.gradient")
MOST_LOG_ODDS: Final = 1e9
"""Infinite log-odds are recorded as this, because JSON has no infinity."""
SMALL_IMAGE: Final = 64 * 64
GRADIENTS_OF_SMALL, GRADIENTS_OF_LARGE = 64, 8
"""Images whose gradients are computed at once: their activations are all in memory."""
GRAIN: Final = 256
"""Pixels are kept to 1/256 of a grey level: a byte that the target sees, and one for the rest."""
LARGEST_RATE: Final = 1e30
LARGEST_MOVE: Final = 1e6
MARKS: Final = (0.99, 0.999, 0.9999)
"""The first image above each of these confidences is kept, as in the paper's code."""
TENFOLD: Final = math.log(10)
"""An image also takes its niche if its log-odds are this much higher than the elite's.

So one can watch the run, and the database holds about ten images for each class, not every step.
"""


@dataclass(frozen=True)
class Positions:
    """Images that climb: their bytes, and fractions of bytes."""

    images: np.ndarray  # uint8 [N, C, H, W], which are scored
    rests: np.ndarray  # int8 [N, C, H, W], to be added to the images, in 1/256 of a grey level

    @classmethod
    def of(cls, pixels: np.ndarray) -> Positions:
        """Round and clip pixels, floats [N, C, H, W], to positions."""
        parts = np.rint(np.clip(pixels, 0, 255) * GRAIN).astype(np.int32)
        images = (parts + GRAIN // 2) // GRAIN
        return cls(images.astype(np.uint8), (parts - GRAIN * images).astype(np.int8))

    def pixels(self) -> np.ndarray:
        """Give the pixels: float32 [N, C, H, W]."""
        return self.images.astype(np.float32) + self.rests.astype(np.float32) / GRAIN


def climb(
    rule: StepRule,
    positions: Positions,
    odds: np.ndarray,
    gradients: np.ndarray,
    *,
    start: Sequence[float],
    steps: Sequence[int],
) -> Positions:
    """Take a step up gradients of the log-odds that are not zero; ``steps`` have been taken.

    With the difference x from the start and the gradient g, x becomes (1 - decay) (x + g aim / g²),
    is blurred, pruned, and clipped to the range of bytes.
    """
    levels = np.array(start, np.float32).reshape(1, -1, 1, 1)
    pixels = positions.pixels()
    x = pixels - levels
    if rule.gain is not None:
        # A pixel at the end of its range cannot move. The paper's code keeps its gradient, so that
        # its steps become shorter the more pixels are at an end.
        stuck = ((pixels <= 0) & (gradients < 0)) | ((pixels >= 255) & (gradients > 0))
        gradients = np.where(stuck, np.float32(0), gradients)
    squares = np.square(gradients, dtype=np.float64).sum(axis=(1, 2, 3))
    with np.errstate(divide="ignore", over="ignore"):
        rates = np.minimum(aims(rule, odds) / squares, LARGEST_RATE)
    # Moves far out of the bytes' range are clipped, so that they do not become infinite.
    moves = np.clip(rates[:, None, None, None] * gradients, -LARGEST_MOVE, LARGEST_MOVE)
    x = (x + moves.astype(np.float32)) * np.float32(1 - rule.decay)
    if rule.blur:
        for row, taken in enumerate(steps):
            if taken % rule.blur_every == 0:
                x[row] = gaussian_filter(x[row], (0, rule.blur, rule.blur), mode="reflect")
    if rule.prune_small:
        _prune(x, np.sqrt(np.square(x).sum(axis=1)), rule.prune_small)
    if rule.prune_idle:
        _prune(x, np.abs((gradients * x).sum(axis=1)), rule.prune_idle)
    return Positions.of(x + levels)


def aims(rule: StepRule, odds: np.ndarray) -> np.ndarray:
    """Give what a step should add to the log-odds if they were linear: float64 [N].

    neatfool's own aim changes from ``gain`` to ``late_gain`` as the confidence p grows. The paper's
    code aims at a gain in confidence, min(early, late (1 - p)), which is p (1 - p) times the gain
    in log-odds.
    """
    p, rest = expit(odds), expit(-odds)
    if rule.gain is not None and rule.late_gain is not None:
        return np.asarray(rule.gain * rest + rule.late_gain * p)
    floor = np.finfo(np.float64).tiny
    aimed = np.minimum(rule.early / np.maximum(rest, floor), rule.late)
    return np.asarray(aimed / np.maximum(p, floor))


def _prune(x: np.ndarray, weights: np.ndarray, percentage: float) -> None:
    """Set to zero the given percentage of x [N, C, H, W], where weights [N, H, W] are least."""
    least = np.percentile(weights, percentage, axis=(1, 2), keepdims=True)
    x *= (weights >= least)[:, None]


@dataclass(frozen=True)
class Climb:
    """A class's climb after its last image."""

    class_index: int
    candidate: Candidate  # the last image
    rest: np.ndarray  # int8 [C, H, W], the image's fractions of bytes
    steps: int = 0
    best: Candidate | None = None  # the best image so far, None while none has a score
    best_rank: float = -math.inf  # its rank, -inf without one
    best_confidence: float = 0.0
    leads: bool = False  # whether the class has been the target's first choice for an image
    ended: bool = False  # whether the climb stands still and shows its best image once more

    def state(self) -> list[Any]:
        """Give the climb as JSON, with candidates by their ids."""
        best = self.best and [self.best.id, self.best_rank, self.best_confidence]
        rest = base64.b64encode(self.rest.tobytes()).decode()
        own = self.class_index, self.candidate.id
        return [*own, rest, self.steps, best, self.leads, self.ended]

    @classmethod
    def from_state(
        cls, state: list[Any], candidates: Mapping[int, Candidate], shape: tuple[int, int, int]
    ) -> Climb:
        """Make a climb from its state."""
        class_index, id_, rest, steps, best, leads, ended = state
        bytes_ = np.frombuffer(base64.b64decode(rest), np.int8).reshape(shape)
        best_id, rank, confidence = best or (None, -math.inf, 0.0)
        held = None if best_id is None else candidates[best_id]
        last = candidates[id_]
        return cls(class_index, last, bytes_, steps, held, rank, confidence, leads, ended)


def passes(confidence: float, held: float, marks: tuple[float, ...]) -> bool:
    """Say whether a confidence, or tenfold odds, pass a mark that ``held`` did not."""
    tenfold = bool(logit(confidence) > logit(held) + TENFOLD)
    return tenfold or any(held < mark <= confidence for mark in marks)


class Gradient(Scheme):
    """The scheme ``gradient``; an image competes only for its own class's niche."""

    def __init__(
        self,
        options: Options,
        *,
        encoding: Encoding[Any],
        spec: ImageSpec,
        seed: int,
        target: Target,
    ) -> None:
        """Start a search with the target's gradients; the encoding writes images as genomes."""
        if spec.is_objective:
            fault = "it climbs the confidence of a classifier, and the target is an objective"
            raise ExperimentError(f"{fault}; use [scheme] plugin = map_elites with learn")
        self._logits_of = gradients_of(
            target, "search it with [scheme] plugin = map_elites, which needs only scores"
        )
        if not isinstance(encoding, Pictorial):
            raise ExperimentError(
                "it changes pixels, but the encoding has none; use [encoding] plugin = direct"
            )
        self._genomes_of = encoding.from_images
        if len(options.start) not in (1, spec.channels):
            raise ExperimentError(
                f"start = {options.start}: the target's images have {spec.channels} channel(s); "
                "give one grey level, or one for each channel"
            )
        self._classes = spec.searched(options.classes)
        self.archive = Archive(len(spec.classes), self._classes)
        self.batch = min(options.batch, len(self._classes))
        small = spec.height * spec.width <= SMALL_IMAGE
        self._at_once = GRADIENTS_OF_SMALL if small else GRADIENTS_OF_LARGE
        self._rule = PRESETS[options.preset]
        self._options, self._encoding, self._spec, self._seed = options, encoding, spec, seed
        self._generation = self._candidate_count = self._begun = 0
        self._climbs: list[Climb] = []
        self._next: dict[int, Climb] = {}

    def ask(self) -> Iterator[Candidate]:
        """Take a step in each climb, and start others, as the candidates are taken."""
        free = self.batch - len(self._climbs)
        fresh = self._classes[self._begun : self._begun + free]
        self._next = {}
        return chain(self._take_steps(), self._start_climbs(fresh))

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Offer the images that deserve it to their own class's niche."""
        ranks = np.minimum(rank(scores), MOST_LOG_ODDS)
        replacements: list[Replacement] = []
        after: list[Climb | None] = []
        for row, candidate in enumerate(candidates):
            step = self._next[candidate.id]
            number = step.class_index
            own, confidence = float(ranks[row, number]), float(scores.probs[row, number])
            leads = own > -np.inf and int(scores.probs[row].argmax()) == number
            elite = self.archive.elite(number)
            if own > -np.inf and (
                elite is None
                or step.ended
                or (leads and not step.leads)
                or (step.steps == self._options.steps and own > step.best_rank)
                or passes(confidence, elite.score, (*MARKS, self._options.stop_at))
            ):
                part = scores.part(slice(row, row + 1))
                replacements += self.archive.offer([candidate], part, [number])
            step = replace(step, leads=step.leads or leads)
            if own > step.best_rank:
                step = replace(step, best=candidate, best_rank=own, best_confidence=confidence)
            after.append(self._continue(step, confidence))
        self._begun += max(0, len(candidates) - len(self._climbs))
        after += self._climbs[len(candidates) :]
        self._climbs = [each for each in after if each is not None]
        self._generation += 1
        self._candidate_count += len(candidates)
        return sorted(replacements, key=lambda each: each.elite.class_index)

    def members(self) -> Sequence[Candidate]:
        """List the last and the best image of each climb."""
        members = [each.candidate for each in self._climbs]
        members += [each.best for each in self._climbs if each.best is not None]
        return list({candidate.id: candidate for candidate in members}.values())

    def state(self) -> dict[str, Any]:
        """Give the climbs and the counters."""
        return {
            "generation": self._generation,
            "asked": self._candidate_count,
            "begun": self._begun,
            "at_once": self._at_once,
            "climbs": [each.state() for each in self._climbs],
        }

    def restore(self, state: dict[str, Any], candidates: Mapping[int, Candidate]) -> None:
        """Restore what :meth:`state` gave."""
        self._generation, self._candidate_count = state["generation"], state["asked"]
        self._begun = state["begun"]
        self._at_once = state.get("at_once", self._at_once)
        self._climbs = [
            Climb.from_state(each, candidates, self._spec.shape) for each in state["climbs"]
        ]

    def _start_climbs(self, classes: Sequence[int]) -> Iterator[Candidate]:
        """Start from noise around the start levels."""
        levels = np.array(self._options.start, np.float32).reshape(1, -1, 1, 1)
        deviation, shape = self._options.noise or 0, self._spec.shape
        for piece in _pieces(classes, self._at_once):
            seeds = [derive_seed(self._seed, "start", number) for number in piece]
            noise = [np.random.default_rng(seed).normal(0, deviation, shape) for seed in seeds]
            positions = Positions.of(levels + np.stack(noise))
            genomes = self._genomes_of(torch.from_numpy(positions.images))
            for number, genome, rest in zip(piece, genomes, positions.rests, strict=True):
                candidate = self._candidate(genome)
                self._next[candidate.id] = Climb(number, candidate, rest)
                yield candidate

    def _take_steps(self) -> Iterator[Candidate]:
        """Take a step in each climb; a climb that stands still shows its best image once more."""
        moved, stuck = 0, 0
        for piece in _pieces(self._climbs, self._at_once):
            moves = self._moves([each for each in piece if not each.ended])
            for each in piece:
                step = moves.get(each.class_index)
                moved += step is not None
                stuck += step is None and not each.ended
                genome, rest = step or ((each.best or each.candidate).genome, each.rest)
                elite = self.archive.elite(each.class_index) or each
                # The parent is the class's elite, the last image that was kept.
                candidate = self._candidate(genome, (elite.candidate.id,))
                now = replace(each, candidate=candidate, rest=rest, ended=step is None)
                self._next[candidate.id] = replace(now, steps=each.steps + (step is not None))
                yield candidate
        if stuck and not moved:
            raise TargetError(
                f"the gradients of all {stuck} images are zero in every pixel; the target's "
                "logits_of() must give logits, not rounded or saturated probabilities, and take "
                "pixels from 0 to 255"
            )

    def _moves(self, climbs: Sequence[Climb]) -> dict[int, tuple[Any, np.ndarray]]:
        """Take a step in each climb with a gradient; give each class's new genome and rest."""
        if not climbs:
            return {}
        images = self._encoding.render([each.candidate.genome for each in climbs]).cpu().numpy()
        odds, gradients = self._compute_gradients(images, [each.class_index for each in climbs])
        up = np.flatnonzero(gradients.any(axis=(1, 2, 3))).tolist()
        if not up:
            return {}
        moving = [climbs[row] for row in up]
        here = Positions(images[up], np.stack([each.rest for each in moving]))
        steps = [each.steps for each in moving]
        start = self._options.start
        there = climb(self._rule, here, odds[up], gradients[up], start=start, steps=steps)
        genomes = self._genomes_of(torch.from_numpy(there.images))
        ways = zip(genomes, there.rests, strict=True)
        return dict(zip([each.class_index for each in moving], ways, strict=True))

    def _compute_gradients(
        self, images: np.ndarray, classes: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute log-odds and gradients; if memory runs out, half as many at once from now on."""
        size = min(self._at_once, len(images))
        pieces = zip(_pieces(images, size), _pieces(classes, size), strict=True)
        settings: Any = {"at_once": "[scheme] batch", "spec": self._spec}
        try:
            results = [odds_and_gradients(self._logits_of, *each, **settings) for each in pieces]
            odds, gradients = zip(*results, strict=True)
            return np.concatenate(odds), np.concatenate(gradients)
        except TargetError as error:
            if size == 1 or not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback there would keep the failed call's memory.
        self._at_once = size // 2
        _log.warning(
            "out of memory for the gradients of %d images at once; the run goes on with %d, and "
            "records it",
            *(size, self._at_once),
        )
        return self._compute_gradients(images, classes)

    def _candidate(self, genome: Any, parents: tuple[int, ...] = ()) -> Candidate:
        return Candidate(self._candidate_count + len(self._next), genome, parents, self._generation)

    def _continue(self, step: Climb, confidence: float) -> Climb | None:
        """Give the climb after its last score; None if it is over."""
        last_is_best = step.best is step.candidate
        done = last_is_best and self._options.stop_at < 1 and confidence >= self._options.stop_at
        if done or step.ended:
            return None
        if step.steps < (self._options.steps or 0):
            return step
        elite = self.archive.elite(step.class_index)
        if step.best is None or (elite is not None and elite.candidate.id == step.best.id):
            return None
        return replace(step, ended=True)


def _pieces(whole: Any, size: int) -> Iterator[Any]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
