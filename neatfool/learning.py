"""Learning: evolution finds a genome's structure, and gradients better numbers for it.

A *lesson* takes an elite and improves its parameters (the weights of a CPPN, say) for one class,
by the gradient of the class's log-odds. What is learnt is written back into a genome, which is a
child of the elite as any other: rendered, scored and offered to every niche as all are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.errors import ExperimentError
from neatfool.spec import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neatfool.learning_options import LearningOptions
    from neatfool.spec import Encoding, Json, Target

PASSES: Final = 3
"""The images that a step counts for: one forwards, and two for the way back, which takes about as
long as two on the way there."""
LANES: Final = 2
"""Calls of the target that a lesson's genomes are divided among, at least."""
FIRST_MOMENT, SECOND_MOMENT, TINY = 0.9, 0.999, 1e-12
"""Adam's constants (Kingma and Ba, 2015)."""


class Learner:
    """Gives lessons, as many as a share of the images pays for.

    A scheme asks it in each generation how many are due (:meth:`due`), chooses what to learn on,
    and has it learnt (:meth:`learn`).
    """

    def __init__(
        self, options: LearningOptions, *, encoding: Encoding[Any], target: Target | None
    ) -> None:
        """Prepare.

        Args:
            options: How much to learn, and how.
            encoding: Of the genomes: one with parameters, if anything is to be learnt.
            target: What is fooled: one that gives gradients, if anything is to be learnt.

        Raises:
            ExperimentError: The target gives no gradients, or the encoding has no parameters.
        """
        self._options = options
        self._encoding: Any = encoding
        self._credit = 0.0
        if not options.learn:
            return
        from neatfool.gradients import gradients_of

        self._logits_of = gradients_of(target, "leave learn out")
        if not hasattr(encoding, "parameter_gradients"):
            raise ExperimentError(
                "learn: the encoding has no parameters that gradients could change; give "
                "[encoding] plugin = cppn, or leave learn out"
            )

    @property
    def on(self) -> bool:
        """Whether anything is to be learnt."""
        return self._options.learn > 0

    @property
    def cost(self) -> int:
        """The images that a lesson for one genome counts for, without what it makes."""
        return PASSES * self._options.learn_steps

    def due(self, bred: int, of: int) -> int:
        """Count a generation's images, and say how many genomes are to be learnt on in it.

        Args:
            bred: The candidates that the generation has besides.
            of: How many genomes there are to learn on.
        """
        share = self._options.learn
        if not share:
            return 0
        group = LANES * self._options.learn_at_once
        price = self.cost + 1
        self._credit += bred * share / (1 - share)
        groups = int(self._credit / (group * price))
        count = min(groups * group, of)
        # What cannot be spent, as there is nothing to learn on, is not saved for later.
        self._credit = min(self._credit - count * price, group * price)
        return count

    def learn(
        self, parents: Sequence[tuple[Candidate, int]], *, first_id: int, generation: int
    ) -> Iterator[Candidate]:
        """Make candidates by learning.

        Args:
            parents: What to learn on, each for a class.
            first_id: The id of the first new candidate; the others follow on.
            generation: The generation that they belong to.

        Yields:
            A child of each, in order. What the target was asked for several at once is counted
            with the first of them.
        """
        if not parents:
            return
        from neatfool.torch_threads import threads_with_cores

        size = self._options.learn_at_once
        starts = range(0, len(parents), size)
        # Bits may depend on how many cores a call uses, so each uses one.
        with threads_with_cores("neatfool-learn", 1, min(len(starts), _cores())) as threads:
            for lesson in threads.map(
                lambda start: self._lesson(
                    parents[start : start + size], first_id + start, generation
                ),
                starts,
            ):
                yield from lesson

    def state(self) -> Json:
        """Give what a resumed search needs to know."""
        return self._credit

    def restore(self, state: Json) -> None:
        """Go on from a state."""
        self._credit = float(state)

    def _lesson(
        self, parents: Sequence[tuple[Candidate, int]], first_id: int, generation: int
    ) -> list[Candidate]:
        genomes = self._learnt(
            [parent.genome for parent, _ in parents], [number for _, number in parents]
        )
        return [
            Candidate(
                first_id + place,
                genome,
                (parent.id,),
                generation,
                evaluations=1 + (0 if place else len(parents) * self.cost),
            )
            for place, (genome, (parent, _)) in enumerate(zip(genomes, parents, strict=True))
        ]

    def _learnt(self, genomes: list[Any], classes: Sequence[int]) -> list[Any]:
        from neatfool.gradients import odds_and_gradients

        encoding = self._encoding
        ascents: list[Adam] | None = None
        for _ in range(self._options.learn_steps):
            images = encoding.render(genomes).cpu().numpy()
            _, by_pixel = odds_and_gradients(
                self._logits_of, images, classes, at_once="[scheme] learn_at_once"
            )
            rows = encoding.parameters(genomes)
            gradients = encoding.parameter_gradients(genomes, by_pixel)
            ascents = ascents or [Adam(self._options.learn_rate, len(row)) for row in rows]
            moved = [
                row + ascent.step(gradient)
                for row, ascent, gradient in zip(rows, ascents, gradients, strict=True)
            ]
            genomes = encoding.with_parameters(genomes, moved)
        return genomes


def _cores() -> int:
    import torch

    # Calls that share a GPU would wait for each other, and share torch's settings of it.
    return 1 if torch.cuda.is_available() else torch.get_num_threads()


class Adam:
    """The steps of one ascent (Kingma and Ba, *Adam*, 2015, algorithm 1)."""

    def __init__(self, rate: float, count: int) -> None:
        """Begin.

        Args:
            rate: How far a step goes in a number whose gradient does not change.
            count: How many numbers there are.
        """
        self._rate = rate
        self._mean, self._square = np.zeros(count), np.zeros(count)
        self._steps = 0

    def step(self, gradient: np.ndarray) -> np.ndarray:
        """Say how to move.

        Args:
            gradient: float64 [P], of what is to become larger.

        Returns:
            float64 [P], what to add.
        """
        self._steps += 1
        self._mean = FIRST_MOMENT * self._mean + (1 - FIRST_MOMENT) * gradient
        self._square = SECOND_MOMENT * self._square + (1 - SECOND_MOMENT) * gradient**2
        mean = self._mean / (1 - FIRST_MOMENT**self._steps)
        square = self._square / (1 - SECOND_MOMENT**self._steps)
        moves: np.ndarray = self._rate * mean / (np.sqrt(square) + TINY)
        return moves
