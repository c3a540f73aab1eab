"""Learning: evolution finds a genome's structure, and gradients find better numbers for it.

*Gradient refinement* takes an elite and improves its parameters (the weights of a CPPN, say) for
one class, by the gradient of the class's log-odds. The result is a genome, which is rendered,
scored and offered to every niche like any other child.

If the target is shown views of an image, each step climbs what one view scores, and the next step
another. Gradients of many different views lead further than a few means over several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np

from neatfool.errors import ExperimentError
from neatfool.files import Json
from neatfool.spec.archive import Candidate
from neatfool.spec.encoding import Encoding, Learnable
from neatfool.spec.scheme import LearningOptions
from neatfool.spec.target import MultiView, Target

FORWARDS, BACKWARDS = 1, 2
"""A step counts as this many images: one for the score, two for the gradient."""
LANES: Final = 2
"""Genomes are divided among at least this many calls of the target, one a core."""

KEPT: Final = (0.5, 0.9, 0.9)
"""The parts of the mean gradient, and of the mean squares of gradients and sensitivities, kept from
step to step. The first is low, as in such deep networks a gradient is soon out of date."""
LEAST_SENSITIVE: Final = 1e-3
"""The smallest sensitivity in grey levels, which bounds the steps of parameters without effect."""
FIRST_PROBES: Final = 4
"""Probes of the sensitivities in the first step; later steps need only one, as they add to it."""
TINY: Final = 1e-12
_SIGNS: Final = np.array([-1, 1], np.float32)


class Learner:
    """Refines genomes by gradients, as many as a share of the images pays for.

    In each generation a scheme asks how many are due (:meth:`due`), chooses genomes, and improves
    them (:meth:`learn`).
    """

    def __init__(
        self,
        options: LearningOptions,
        *,
        encoding: Encoding[Any],
        target: Target | None,
        classes: int,
    ) -> None:
        """Check that encoding and target allow learning, if ``options`` ask for it.

        Args:
            options: How much to learn, and how.
            encoding: The encoding, which must have parameters.
            target: The target, which must give gradients.
            classes: The number of searched classes.

        Raises:
            ExperimentError: The target gives no gradients, or the encoding has no parameters.
        """
        self._options = options
        self._encoding: Any = encoding
        self._wait = options.learn_after * classes
        self._bred = 0
        self._credit = 0.0
        self._views = 0
        self._encodings = [self._encoding]
        if not options.learn:
            return
        from neatfool.network.gradients import gradients_of

        self._logits_of = gradients_of(target, "leave out learn")
        assert target is not None
        self._spec = target.spec
        if isinstance(target, MultiView):
            self._logits_of, self._views = target.logits_of_a_view, target.number
            self._encodings = target.encodings(encoding)
        if not isinstance(encoding, Learnable):
            raise ExperimentError(
                "learn: the encoding has no parameters that gradients could change; give "
                "[encoding] plugin = cppn, or leave out learn"
            )

    @property
    def on(self) -> bool:
        """Whether the options ask for learning."""
        return self._options.learn > 0

    @property
    def cost(self) -> int:
        """The images that refining one genome counts as, without scoring the child."""
        steps = self._options.learn_steps
        # The best step is not looked for among views, of which none is like another.
        last = 0 if self._views else FORWARDS
        return steps * (FORWARDS + BACKWARDS) + last

    def due(self, bred: int, genomes: int) -> int:
        """Count a generation's images, and say how many genomes to improve in it.

        Args:
            bred: The number of candidates that were bred.
            genomes: The number of genomes that could be improved.
        """
        share = self._options.learn
        self._bred += bred
        if not share or self._bred < self._wait:
            return 0
        group = LANES * self._options.learn_at_once
        views = max(1, self._views)
        price = self.cost + views
        self._credit += bred * views * share / (1 - share)
        groups = int(self._credit / (group * price))
        count = min(groups * group, genomes)
        # Without genomes to improve, credit cannot be spent; only one group's worth is saved.
        self._credit = min(self._credit - count * price, group * price)
        return count

    def learn(
        self, parents: Sequence[tuple[Candidate, int]], *, first_id: int, generation: int
    ) -> Iterator[Candidate]:
        """Make candidates by learning.

        Args:
            parents: The candidates to improve, each with a class.
            first_id: The id of the first new candidate; the others follow.
            generation: The generation of the new candidates.

        Yields:
            A child of each, in order. The first of those that were refined together counts the
            images that the target was shown for all of them.
        """
        if not parents:
            return
        import torch

        from neatfool.network.devices import threads_with_cores

        size = self._options.learn_at_once
        starts = range(0, len(parents), size)
        # Calls that share a GPU would wait for each other, and would share torch's GPU settings.
        cores = 1 if torch.accelerator.is_available() else torch.get_num_threads()
        # The last bits may depend on the number of cores that a call uses, so each uses one.
        with threads_with_cores("neatfool-learn", 1, min(len(starts), cores)) as threads:
            refined = threads.map(self._improve, [parents[i : i + size] for i in starts])
            pairs = zip(chain.from_iterable(refined), parents, strict=True)
            for place, (genome, (parent, _)) in enumerate(pairs):
                group = 0 if place % size else min(size, len(parents) - place)
                images = 1 + group * self.cost
                yield Candidate(first_id + place, genome, (parent.id,), generation, images)

    def state(self) -> Json:
        """Give all that a resumed search needs."""
        return {"bred": self._bred, "credit": self._credit}

    def restore(self, state: Json) -> None:
        """Continue from what ``state`` gave."""
        self._bred, self._credit = int(state["bred"]), float(state["credit"])

    def _improve(self, parents: Sequence[tuple[Candidate, int]]) -> list[Any]:
        """Take steps up from each parent's genome, and give the best genome on each way.

        Or the last if each step sees another view: the best had only the kindest view.
        """
        from neatfool.network.gradients import odds_and_gradients

        encoding = self._encoding
        genomes = [parent.genome for parent, _ in parents]
        classes = [number for _, number in parents]
        ascents: list[Ascent] = []
        best = [(-np.inf, genome) for genome in genomes]
        for step in range(self._options.learn_steps + 1):
            if self._views and step == self._options.learn_steps:
                return genomes
            chosen = np.random.default_rng(step).integers(len(self._encodings))
            drawing: Any = self._encodings[chosen]
            images = drawing.render(genomes).cpu().numpy()
            odds, by_pixel = odds_and_gradients(
                self._logits_of, images, classes, at_once="[scheme] learn_at_once", spec=self._spec
            )
            if step:
                pairs = zip(odds.tolist(), genomes, strict=True)
                best = [max(pair, key=itemgetter(0)) for pair in zip(best, pairs, strict=True)]
            if step == self._options.learn_steps:
                break
            # The squared gradient of a sum of pixels with random signs is, on average, the sum of
            # the squared gradients of the pixels.
            probes = 1 if step else FIRST_PROBES
            signs = np.random.default_rng(step).choice(_SIGNS, (probes, *by_pixel.shape))
            slopes = drawing.parameter_gradients(genomes, np.concatenate([by_pixel[None], signs]))
            pixels = by_pixel[0].size
            rows = encoding.parameters(genomes)
            ascents = ascents or [Ascent(self._options.learn_rate, len(row)) for row in rows]
            moved = [
                row + ascent.step(slope[0], np.square(slope[1:]).mean(0) / pixels)
                for row, ascent, slope in zip(rows, ascents, slopes, strict=True)
            ]
            genomes = encoding.with_parameters(genomes, moved)
        return [genome for _, genome in best]


class Ascent:
    """The steps of one genome's way up.

    They are Adam's (Kingma and Ba, 2015), each divided by the parameter's *sensitivity*: by how
    much a unit of it changes the image (the root mean square over pixels). So each parameter
    changes the image equally. In Adam itself, a weight at the end of a network, which shifts a
    colour, moves as far as one at its beginning, which scrambles the picture.
    """

    def __init__(self, rate: float, count: int) -> None:
        """Begin with ``count`` parameters, of which each changes the image by ``rate`` a step."""
        self._rate, self._steps = rate, 0
        self._means = np.zeros((3, count))  # of gradients, their squares, and sensitivities

    def step(self, gradient: np.ndarray, probe: np.ndarray) -> np.ndarray:
        """Give the next step; ``probe`` estimates the squared sensitivities (all float64 [P])."""
        self._steps += 1
        new, kept = np.stack([gradient, gradient**2, probe]), np.array(KEPT)[:, None]
        self._means = kept * self._means + (1 - kept) * new
        known = np.array([1 - each**self._steps for each in KEPT])
        mean, square, sensitivity = self._means / known[:, None]
        effect = np.sqrt(sensitivity) + LEAST_SENSITIVE
        return np.asarray(self._rate * mean / (np.sqrt(square) + TINY) / effect)
