"""The global random generators: a plugin neither draws from them nor seeds them."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from neatfool.testing.expectation import expect

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def global_randomness(seed: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators for a while, then restore them.

    Args:
        seed: A seed in [0, 2**32).

    Raises:
        AssertionError: A generator was drawn from or seeded meanwhile; the message names it.
    """
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        expected = _states()
        yield
        found = _states()
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
    for generator, state in expected.items():
        expect(
            found[generator] == state,
            f"the global generator of {generator} was used; draw from a generator of your own, "
            "made from the given seed, as numpy.random.default_rng(seed)",
        )


def _states() -> dict[str, str]:
    import torch

    return {
        "random": repr(random.getstate()),
        "numpy.random": repr([np.asarray(part).tolist() for part in np.random.get_state()]),
        "torch": repr(torch.get_rng_state().tolist()),
    }
