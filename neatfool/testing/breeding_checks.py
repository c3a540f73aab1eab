"""Checks of how an encoding makes genomes, from seeds and parents alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.testing.encoding_subject import GENOMES, expect_same
from neatfool.testing.expectation import expect
from neatfool.testing.randomness import global_randomness

if TYPE_CHECKING:
    from neatfool.testing.encoding_subject import EncodingSubject


def check_parents_is_one_or_two(subject: EncodingSubject) -> None:
    """``parents`` says how many parents a child has."""
    parents = getattr(subject.encoding, "parents", None)
    expect(parents in (1, 2), f"parents is {parents!r}; it is 1 (mutation) or 2 (crossover)")


def check_create_gives_one_genome_a_seed(subject: EncodingSubject) -> None:
    """``create`` gives one genome for each seed, and different ones for different seeds."""
    expect(
        len(subject.genomes) == GENOMES,
        f"create() gave {len(subject.genomes)} genomes for {GENOMES} seeds; give one a seed",
    )
    expect(
        len(set(subject.texts(subject.genomes))) > 1,
        f"{GENOMES} seeds made {GENOMES} equal genomes; draw from a generator made from the seed",
    )


def check_create_depends_on_the_seed_alone(subject: EncodingSubject) -> None:
    """A seed makes the same genome in any order, alone, and in a new encoding."""
    expected = subject.texts(subject.genomes)
    fresh = subject.make()
    reverse = fresh.create(subject.seeds[::-1])[::-1]
    expect_same(expected, subject.texts(reverse), "create() in another order")
    alone = [genome for seed in subject.seeds for genome in fresh.create([seed])]
    expect_same(expected, subject.texts(alone), "create() one at a time")


def check_breed_gives_one_child_a_litter(subject: EncodingSubject) -> None:
    """``breed`` gives one child for each litter, and some children differ from their parents."""
    expect(
        len(subject.children) == GENOMES,
        f"breed() gave {len(subject.children)} children for {GENOMES} litters; give one a litter",
    )
    seeds = range(40)
    many = subject.encoding.breed([subject.litters[0]] * len(seeds), seeds)
    parents = subject.texts(subject.litters[0])
    unlike = set(subject.texts(many)) - set(parents)
    expect(
        len(unlike) > 1,
        f"{len(seeds)} children of the same parents gave {len(unlike)} new genomes; "
        "breed() should mutate",
    )


def check_breed_depends_on_parents_and_seed_alone(subject: EncodingSubject) -> None:
    """A child is the same in any order, alone, and in a new encoding."""
    litters, seeds = subject.litters, subject.breeding_seeds(9)
    expected = subject.texts(subject.children)
    again = subject.encoding.breed(litters, seeds)
    expect_same(expected, subject.texts(again), "breed() a second time")
    fresh = subject.make()
    reverse = fresh.breed(litters[::-1], seeds[::-1])[::-1]
    expect_same(expected, subject.texts(reverse), "breed() in another order")
    alone = [
        child
        for litter, seed in zip(litters, seeds, strict=True)
        for child in fresh.breed([litter], [seed])
    ]
    expect_same(expected, subject.texts(alone), "breed() one at a time")


def check_breed_leaves_parents_unchanged(subject: EncodingSubject) -> None:
    """Genomes never change."""
    before = [subject.texts(litter) for litter in subject.litters]
    subject.encoding.breed(subject.litters, subject.breeding_seeds(10))
    after = [subject.texts(litter) for litter in subject.litters]
    expect(before == after, "breed() changed its parents; copy what the child inherits")


def check_breed_takes_fewer_parents(subject: EncodingSubject) -> None:
    """Where two parents are usual, one suffices, and both may be the same."""
    single = [litter[:1] for litter in subject.litters]
    children = subject.encoding.breed(single, subject.breeding_seeds(11))
    expect(len(children) == GENOMES, "breed() lost children of a single parent")
    if subject.encoding.parents == 2:
        twice = [[litter[0], litter[0]] for litter in subject.litters]
        subject.encoding.breed(twice, subject.breeding_seeds(12))


def check_global_randomness_is_left_alone(subject: EncodingSubject) -> None:
    """Nothing is drawn from the generators of random, numpy.random or torch."""
    seeds = subject.breeding_seeds(9)
    for state in (1, 2):
        with global_randomness(state):
            created = subject.encoding.create(subject.seeds)
            bred = subject.encoding.breed(subject.litters, seeds)
            subject.encoding.render(bred)
        expect_same(subject.texts(subject.genomes), subject.texts(created), "create()")
        expect_same(subject.texts(subject.children), subject.texts(bred), "breed()")
