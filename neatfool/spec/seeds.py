"""Seeds that depend only on the purpose of a random decision.

No generator is carried from one decision to the next. A candidate is bred from a seed made of the
run's seed and its own id. So the result does not depend on the order of breeding or the number of
workers.
"""

from collections.abc import Iterable
from hashlib import blake2b


def derive_seed(*parts: int | str) -> int:
    """Make a seed from the parts that identify a random decision.

    Args:
        parts: For example ``run_seed, "breed", candidate_id``.

    Returns:
        An integer in [0, 2**63), equal on every machine and in every process.
    """
    return derive_seeds(*parts[:-1], ids=parts[-1:])[0]


def derive_seeds(*parts: int | str, ids: Iterable[int | str]) -> list[int]:
    """Make seeds for several decisions at once, much faster than one by one.

    Args:
        parts: The parts that all decisions share.
        ids: The last part of each decision.

    Returns:
        ``derive_seed(*parts, id)`` for each id.
    """
    shared = blake2b("".join(f"{part}\x1f" for part in parts).encode(), digest_size=8)
    seeds = []
    for id_ in ids:
        digest = shared.copy()
        digest.update(str(id_).encode())
        seeds.append(int.from_bytes(digest.digest(), "big") >> 1)
    return seeds
