"""Seeds that depend on what a random decision is for, and on nothing else.

No generator's state is carried from one decision to the next: a candidate is bred from a seed
made of the run's seed and its own id, so that the result does not depend on the order in which,
or the number of workers by which, candidates are bred.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def derive_seed(*parts: int | str) -> int:
    """Make a seed from the parts that identify a random decision.

    Args:
        parts: For example ``run_seed, "breed", candidate_id``.

    Returns:
        An integer in [0, 2**63), equal on every machine and in every process.
    """
    return derive_seeds(*parts[:-1], ids=parts[-1:])[0]


def derive_seeds(*parts: int | str, ids: Iterable[int | str]) -> list[int]:
    """Make a seed for each of several decisions, in a fraction of the time that one by one takes.

    Args:
        parts: What the decisions share.
        ids: What tells them apart.

    Returns:
        For each id what :func:`derive_seed` makes of the parts and the id.
    """
    shared = blake2b("".join(f"{part}\x1f" for part in parts).encode(), digest_size=8)
    seeds = []
    for id_ in ids:
        digest = shared.copy()
        digest.update(str(id_).encode())
        seeds.append(int.from_bytes(digest.digest(), "big") >> 1)
    return seeds
