"""One emitter: CMA-ES over the weights of one network, from its start to its next start."""

import base64
import zlib
from typing import Any, Final, NamedTuple

import numpy as np
from ribs.emitters.opt import CMAEvolutionStrategy

from neatfool import Candidate, derive_seed

from . import Options

FARTHEST_NUMBER: Final = 1e6
"""A strategy has gone astray if it proposes a number beyond this, and soon would overflow."""


class Start(NamedTuple):
    """Where and when an emitter starts."""

    number: int  # how many started before it
    generation: int
    home: int  # the class whose niche it drew
    origins: tuple[Candidate, ...]  # the elites that the base is a child of, fittest first


class Emitter:
    """An emitter that varies the numbers of the genome ``base``.

    ``idle`` counts the generations without an improvement; if it has ``converged``, its strategy
    has stopped or gone astray.

    A strategy depends on nothing but its start, its draws and the orders in which candidates were
    ranked: a resumed run needs no more than these orders to bring it to where it was.
    """

    def __init__(
        self, start: Start, base: Any, vector: np.ndarray, *, options: Options, seed: int
    ) -> None:
        """Start at ``vector``, float64 [P], which is what the base is written as.

        The seed is the run's.
        """
        self.start, self.base = start, base
        self.idle, self.converged = 0, False
        self._seed = seed
        self._journal: list[np.ndarray] = []
        self._astray = False
        # It is set from a derived seed before each use.
        self._chance = np.random.Generator(np.random.PCG64(0))
        self._strategy = CMAEvolutionStrategy(
            options.sigma, len(vector), options.batch_per_emitter, seed=self._chance
        )
        self._strategy.reset(vector)

    def ask(self, generation: int) -> np.ndarray:
        """Propose candidates: float64 [N, P]."""
        seed = derive_seed(self._seed, "ribs-ask", self.start.number, generation)
        self._chance.bit_generator.state = np.random.PCG64(seed).state
        proposed = np.asarray(self._strategy.ask())
        self._astray = not (np.abs(proposed) < FARTHEST_NUMBER).all()
        clipped: np.ndarray = np.clip(np.nan_to_num(proposed), -FARTHEST_NUMBER, FARTHEST_NUMBER)
        return clipped

    def tell(self, generation: int, feedback: np.ndarray) -> None:
        """Learn what became of the candidates of the last :meth:`ask`, as :func:`judge` tells."""
        status, gain = feedback.T
        added = np.count_nonzero(status)
        self.idle = 0 if added else self.idle + 1
        if self._astray:
            self.converged = True
            return
        order = np.flip(np.lexsort((gain, status)))
        self._strategy.tell(order, feedback, added)
        self.converged = bool(self._strategy.check_stop(feedback[order]))
        self._journal.append(np.array([generation, added, *order], np.int32))

    def state(self) -> dict[str, Any]:
        """Give what a resumed run needs, as JSON: the start, and all orders since then."""
        return {
            "number": self.start.number,
            "born": self.start.generation,
            "origins": [each.id for each in self.start.origins],
            "home": self.start.home,
            "idle": self.idle,
            "converged": self.converged,
            "tells": len(self._journal),
            "journal": write_array(np.array(self._journal, np.int32)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go through all that happened since the start, to the same bits."""
        if state["tells"]:
            self._journal = [*read_array(state["journal"], np.int32).reshape(state["tells"], -1)]
        for generation, added, *order in [] if state["converged"] else self._journal:
            self.ask(int(generation))
            self._strategy.tell(np.array(order), None, added)
        self.idle, self.converged = state["idle"], state["converged"]


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape, as text for a state in JSON."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
