"""A plugin must neither use nor seed the global random generators."""

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
    """Seed Python's, numpy's and torch's global generators in the block, then restore them.

    Args:
        seed: A seed in [0, 2**32).

    Raises:
        AssertionError: The block used or seeded a generator; the message names it.
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
            f"the global generator of {generator} was used; make your own generator from the given "
            "seed: numpy.random.default_rng(seed)",
        )


def _states() -> dict[str, str]:
    import torch

    return {
        "random": repr(random.getstate()),
        "numpy.random": repr([np.asarray(part).tolist() for part in np.random.get_state()]),
        "torch": repr(torch.get_rng_state().tolist()),
    }
