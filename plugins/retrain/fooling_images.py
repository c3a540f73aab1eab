"""The fooling images that a round gives the next network to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import derive_seed, derive_seeds, in_generation, litter_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neatfool import Run

BATCH: Final = 128
"""Images that are drawn at once: a large image has 150 KB."""


def fooling_images(runs: Sequence[Run], count: int, seed: int) -> Iterator[np.ndarray]:
    """Take images of the first and of the last generation of a round's runs, as the paper did.

    Half are of a first generation: random genomes, as each of the runs began with. The others are
    of the last one: the runs' elites (if there are more than are wanted, some of them drawn at
    random), and then children that are bred from the elites, as the next generation would be.

    Args:
        runs: Finished runs of the same experiment.
        count: How many images.
        seed: Where all chance comes from.

    Yields:
        The images in batches, uint8 [N, C, H, W].
    """
    first = count // 2
    encoding = in_generation(runs[0].encoding, 0)
    for some in _parts(derive_seeds(seed, "first generation", ids=range(first))):
        yield encoding.render(encoding.create(some)).cpu().numpy()
    for number, run in enumerate(runs):
        share = len(range(number, count - first, len(runs)))
        yield from _last_generation(run, share, derive_seed(seed, "last generation", number))


def _last_generation(run: Run, count: int, seed: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(seed)
    niches = run.elites
    elites = [*{elite.candidate_id: elite for elite in niches}.values()]
    chosen = generator.permutation(len(elites))[:count]
    for some in _parts(chosen.tolist()):
        yield np.stack([elites[place].saved_pixels() for place in some])
    encoding = in_generation(run.encoding, run.generation)
    for seeds in _parts(derive_seeds(seed, "child", ids=range(count - len(chosen)))):
        litters = [
            [
                elite.genome
                for elite in sorted(
                    (niches[place] for place in generator.integers(len(niches), size=size)),
                    key=lambda elite: -elite.rank,
                )
            ]
            for size in litter_sizes(encoding, seeds)
        ]
        yield encoding.render(encoding.breed(litters, seeds)).cpu().numpy()


def _parts(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
