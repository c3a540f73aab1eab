"""Checks that a scheme repeats itself from its seed, and resumes from its state, to the bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from neatfool.testing.expectation import expect
from neatfool.testing.randomness import global_randomness
from neatfool.testing.scheme_subject import few
from neatfool.testing.toy_search import same_step

if TYPE_CHECKING:
    from neatfool.testing.scheme_subject import SchemeSubject
    from neatfool.testing.toy_search import Step, ToySearch

SAVED_AFTER = (0, 1, 2, 3, 5, 8, 13)
"""A search is saved, restored and compared after these generations."""


def check_same_seed_gives_the_same_search(subject: SchemeSubject) -> None:
    """The seed alone decides, and another seed gives another search."""
    for generation, (a, b) in enumerate(zip(subject.steps, _repeat(subject, 1), strict=True)):
        expect(
            same_step(a, b),
            f"a second search with the same seed differs from generation {generation} on; make "
            "generators from derive_seed(seed, ...) and the generation",
        )
    other = _repeat(subject, 2)
    genomes = [candidate.genome for candidate in other[0].candidates]
    expect(
        genomes != [candidate.genome for candidate in subject.steps[0].candidates],
        "the seeds 1 and 2 begin with the same genomes; derive the genomes' seeds from the seed",
    )


def check_global_randomness_is_left_alone(subject: SchemeSubject) -> None:
    """Nothing is drawn from the generators of random, numpy.random or torch."""
    for state in (1, 2):
        with global_randomness(state):
            steps = list(subject.search().steps(4))
        for generation, (a, b) in enumerate(zip(subject.steps, steps, strict=False)):
            expect(
                same_step(a, b),
                f"generation {generation} depends on global random generators; derive all "
                "randomness from the seed",
            )


def check_state_is_json(subject: SchemeSubject) -> None:
    """``state`` gives JSON, without NaN."""
    search = subject.search()
    for _ in range(4):
        state = search.scheme.state()
        try:
            json.dumps(state, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(
                f"state() cannot be written as JSON: {error}; give numbers, texts, lists and "
                "dicts with text keys, and candidates by their ids"
            ) from error
        if search.step() is None:
            break


def check_members_have_unique_ids(subject: SchemeSubject) -> None:
    """``members`` lists candidates of earlier ``ask`` calls, each once."""
    search, asked = subject.search(), set[int]()
    for step in search.steps(6):
        asked.update(candidate.id for candidate in step.candidates)
        ids = [member.id for member in search.scheme.members()]
        expect(len(ids) == len(set(ids)), "members() lists a candidate twice")
        strangers = set(ids) - asked
        expect(not strangers, f"members() lists {few(strangers)}, which ask() never gave")


def check_restored_search_goes_on_to_the_bit(subject: SchemeSubject) -> None:
    """A scheme restored after any generation goes on as the one that was saved."""
    original = subject.search()
    for generation in range(len(subject.steps)):
        if generation in SAVED_AFTER:
            _check_restored(subject, original, generation)
        original.step()


def _check_restored(subject: SchemeSubject, original: ToySearch, generation: int) -> None:
    resumed = subject.search()
    resumed.restore(original.save())
    expected = subject.steps[generation : generation + 4]
    for number, step in enumerate(expected, generation):
        found = resumed.step()
        expect(
            found is not None and same_step(found, step),
            f"a search restored after {generation} generations "
            f"{'ends' if found is None else 'differs'} in generation {number}; state() and "
            "members() must hold everything but the archive that ask() and tell() use",
        )


def _repeat(subject: SchemeSubject, seed: int) -> list[Step]:
    return list(subject.search(seed).steps(len(subject.steps)))
