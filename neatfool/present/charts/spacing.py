"""Moving positions apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def spread(
    wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float] | None = None
) -> list[float]:
    """Move positions as little as possible so that neighbours keep their distance.

    This minimises the weighted sum of squared moves, by isotonic regression (pooling adjacent
    violators; Barlow and others, 1972) after the gaps are subtracted.

    Args:
        wanted: N positions; the result keeps their order.
        gaps: N - 1 distances; the i-th is the least between positions i and i + 1.
        weights: N positive weights: how much each position resists; all 1 if absent.
    """
    if not wanted:
        return []
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, float, int]] = []
    for i, place in enumerate(wanted):
        mean, weight, count = place - offsets[i], 1.0 if weights is None else weights[i], 1
        while blocks and blocks[-1][0] > mean:
            other_mean, other_weight, other_count = blocks.pop()
            mean = (mean * weight + other_mean * other_weight) / (weight + other_weight)
            weight, count = weight + other_weight, count + other_count
        blocks.append((mean, weight, count))
    pooled = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(pooled, offsets, strict=True)]
