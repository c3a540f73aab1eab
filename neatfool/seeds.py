"""Seeds that depend on what a random decision is for, and on nothing else.

No generator's state is carried from one decision to the next: a candidate is bred from a seed
made of the run's seed and its own id, so that the result does not depend on the order in which,
or the number of workers by which, candidates are bred.
"""

from __future__ import annotations

from hashlib import blake2b


def derive_seed(*parts: int | str) -> int:
    """Make a seed from the parts that identify a random decision.

    Args:
        parts: For example ``run_seed, "breed", candidate_id``.

    Returns:
        An integer in [0, 2**63), equal on every machine and in every process.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
