"""Checks of how an encoding makes genomes, from seeds and parents alone, and draws them."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from neatfool.search.seeds import derive_seed
from neatfool.spec.adopting import adopt
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.testing.checking import global_randomness

GREY = ImageSpec(height=12, width=9, channels=1, classes=("a", "b", "c"))
COLOUR = ImageSpec(height=7, width=11, channels=3, classes=("a", "b", "c"))
GENOMES: Final = 6


class EncodingSubject:
    """An encoding under test, for images of a spec; ``seeds`` has one for each genome."""

    def __init__(self, make: Callable[[ImageSpec], Encoding[Any]], spec: ImageSpec) -> None:
        self._make = make
        self.spec = spec
        self.seeds = [derive_seed("create", number) for number in range(GENOMES)]

    def make(self) -> Encoding[Any]:
        """Make a new one."""
        return adopt(self._make(self.spec), Encoding)

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The encoding that the checks share."""
        return self.make()

    @cached_property
    def genomes(self) -> list[Any]:
        """Random genomes."""
        return self.encoding.create(self.seeds)

    @cached_property
    def litters(self) -> list[list[Any]]:
        """Each child's parents, which descend from :attr:`genomes`."""
        grown = self.genomes
        for generation in range(3):
            grown = self.encoding.breed(self._litters(grown), self.breeding_seeds(generation))
        return self._litters(grown)

    def breeding_seeds(self, generation: int) -> list[int]:
        """Give one seed for each child."""
        return [derive_seed("breed", generation, number) for number in range(GENOMES)]

    @cached_property
    def children(self) -> list[Any]:
        """Children of :attr:`litters` with ``breeding_seeds(9)``."""
        return self.encoding.breed(self.litters, self.breeding_seeds(9))

    def texts(self, genomes: Sequence[Any]) -> list[str]:
        """Write genomes as texts; equal genomes have equal texts."""
        return [self.encoding.dumps(genome) for genome in genomes]

    def _litters(self, genomes: Sequence[Any]) -> list[list[Any]]:
        around = [*genomes, *genomes[:1]]
        return [around[i : i + self.encoding.parents] for i in range(len(genomes))]

    def expect_same(self, expected: Sequence[Any], genomes: Sequence[Any], call: str) -> None:
        """Expect genomes, which a call gave, to be equal to others."""
        wanted, texts = self.texts(expected), self.texts(genomes)
        assert len(wanted) == len(texts), f"{call} gave {len(texts)} genomes, not {len(wanted)}"
        different = sum(a != b for a, b in zip(wanted, texts, strict=True))
        assert not different, (
            f"{call} gave {different} of {len(wanted)} genomes differently; draw all randomness "
            "from the genome's own seed, and remember nothing between calls"
        )

    def pixels(self, genomes: Sequence[Any], encoding: Encoding[Any] | None = None) -> np.ndarray:
        """Draw genomes, uint8 [N, C, H, W], perhaps with another encoding."""
        images = (encoding or self.encoding).render(genomes)
        return read_pixels(images, (len(genomes), *self.spec.shape))


def read_pixels(image: Any, shape: tuple[int, ...], call: str = "render()") -> np.ndarray:
    """Give images as a numpy array, and expect that they are uint8 tensors of a shape."""
    import torch

    assert isinstance(image, torch.Tensor) and image.dtype == torch.uint8, (
        f"{call} gave {getattr(image, 'dtype', type(image).__name__)}; give a uint8 torch tensor"
    )
    assert tuple(image.shape) == shape, f"{call} gave the shape {tuple(image.shape)}, not {shape}"
    return np.asarray(image.cpu())


def differ(a: np.ndarray, b: np.ndarray) -> str:
    """Say how two images differ; empty if they are equal."""
    steps = np.abs(a.astype(int) - b.astype(int))
    count = np.count_nonzero(steps)
    return f"{count} bytes differ by up to {steps.max()} grey levels" if count else ""


def check_parents_is_one_or_two(subject: EncodingSubject) -> None:
    """``parents`` says how many parents a child has."""
    parents = subject.encoding.parents
    assert parents in (1, 2), f"parents is {parents!r}; it is 1 (mutation) or 2 (crossover)"


def check_create_gives_one_genome_a_seed(subject: EncodingSubject) -> None:
    """``create`` gives one genome for each seed, and different ones for different seeds."""
    assert len(subject.genomes) == GENOMES, (
        f"create() gave {len(subject.genomes)} genomes for {GENOMES} seeds; give one a seed"
    )
    assert len(set(subject.texts(subject.genomes))) > 1, (
        f"{GENOMES} seeds made {GENOMES} equal genomes; draw from a generator made from the seed"
    )


def check_create_depends_on_the_seed_alone(subject: EncodingSubject) -> None:
    """A seed makes the same genome in any order, alone, and in a new encoding."""
    fresh = subject.make()
    reverse = fresh.create(subject.seeds[::-1])[::-1]
    subject.expect_same(subject.genomes, reverse, "create() in another order")
    alone = [genome for seed in subject.seeds for genome in fresh.create([seed])]
    subject.expect_same(subject.genomes, alone, "create() one at a time")


def check_breed_gives_one_child_a_litter(subject: EncodingSubject) -> None:
    """``breed`` gives one child for each litter, and some children differ from their parents."""
    assert len(subject.children) == GENOMES, (
        f"breed() gave {len(subject.children)} children for {GENOMES} litters; give one a litter"
    )
    litter = subject.litters[0]
    many = subject.encoding.breed([litter] * 40, range(40))
    unlike = {*subject.texts(many)} - {*subject.texts(litter)}
    assert len(unlike) > 1, (
        f"40 children of the same parents gave {len(unlike)} new genomes; breed() should mutate"
    )


def check_breed_depends_on_parents_and_seed_alone(subject: EncodingSubject) -> None:
    """A child is the same in any order, alone, and in a new encoding."""
    litters, seeds = subject.litters, subject.breeding_seeds(9)
    again = subject.encoding.breed(litters, seeds)
    subject.expect_same(subject.children, again, "breed() a second time")
    fresh = subject.make()
    reverse = fresh.breed(litters[::-1], seeds[::-1])[::-1]
    subject.expect_same(subject.children, reverse, "breed() in another order")
    pairs = zip(litters, seeds, strict=True)
    alone = [child for litter, seed in pairs for child in fresh.breed([litter], [seed])]
    subject.expect_same(subject.children, alone, "breed() one at a time")


def check_breed_leaves_parents_unchanged(subject: EncodingSubject) -> None:
    """Genomes never change."""
    before = [*map(subject.texts, subject.litters)]
    subject.encoding.breed(subject.litters, subject.breeding_seeds(10))
    unchanged = before == [*map(subject.texts, subject.litters)]
    assert unchanged, "breed() changed its parents; copy what the child inherits"


def check_breed_takes_fewer_parents(subject: EncodingSubject) -> None:
    """Where two parents are usual, one suffices, and both may be the same."""
    single = [litter[:1] for litter in subject.litters]
    children = subject.encoding.breed(single, subject.breeding_seeds(11))
    assert len(children) == GENOMES, "breed() lost children of a single parent"
    if subject.encoding.parents == 2:
        subject.encoding.breed([one * 2 for one in single], subject.breeding_seeds(12))


def check_global_randomness_is_left_alone(subject: EncodingSubject) -> None:
    """Nothing is drawn from the generators of random, numpy.random or torch."""
    for state in (1, 2):
        with global_randomness(state):
            created = subject.encoding.create(subject.seeds)
            bred = subject.encoding.breed(subject.litters, subject.breeding_seeds(9))
            subject.encoding.render(bred)
        subject.expect_same(subject.genomes, created, "create()")
        subject.expect_same(subject.children, bred, "breed()")


def check_render_gives_the_targets_images(subject: EncodingSubject) -> None:
    """``render`` gives a uint8 tensor [N, C, H, W]; not all genomes look the same."""
    images = subject.pixels([*subject.genomes, *subject.children])
    assert (images != images[:1]).any(), (
        f"{len(images)} genomes rendered to the same image; does render() use them?"
    )


def check_render_gives_the_same_bits_in_any_batch(subject: EncodingSubject) -> None:
    """A genome's image does not depend on the other genomes of its batch."""
    for child, together in zip(subject.children, subject.pixels(subject.children), strict=True):
        apart = differ(subject.pixels([child])[0], together)
        assert not apart, (
            f"rendered alone, {apart} from a batch; the scored image would not be the saved one"
        )


def check_render_at_the_targets_size_equals_render(subject: EncodingSubject) -> None:
    """``render_at`` at the target's size gives the image that is scored."""
    shape = subject.spec.shape
    for child, whole in zip(subject.children, subject.pixels(subject.children), strict=True):
        image = read_pixels(subject.encoding.render_at(child, *shape[1:]), shape, "render_at()")
        apart = differ(image, whole)
        assert not apart, f"render_at() at the target's size: {apart} from render()"


def check_a_box_is_a_part_of_the_whole(subject: EncodingSubject) -> None:
    """``render_at`` with a box gives that part of the whole image, at any size."""
    channels, height, width = subject.spec.shape
    draw = subject.encoding.render_at
    for high, wide in ((height, width), (2 * height + 1, 3 * width), (5, 64)):
        box = left, top, right, bottom = wide // 4, high // 3, wide - 1, high
        for child in subject.children[:3]:
            whole = read_pixels(draw(child, high, wide), (channels, high, wide), "render_at()")
            shape = (channels, bottom - top, right - left)
            part = read_pixels(draw(child, high, wide, box=box), shape, "render_at(box=...)")
            apart = differ(part, whole[:, top:bottom, left:right])
            assert not apart, f"box {box} of {wide}x{high}: {apart} from the whole image"
