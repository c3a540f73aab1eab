"""The checks that every scheme must pass, in a search with a tiny encoding and target."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.spec.archive import EMPTY, Archive
from neatfool.testing.checking import expect, global_randomness, require
from neatfool.testing.toy_search import same_step
from neatfool.testing.toys import TOY_SPEC, ToyEncoding

if TYPE_CHECKING:
    from neatfool.spec.scores import Scores
    from neatfool.testing.toy_search import SchemeSubject, Step, ToySearch

SAVED_AFTER: Final = (0, 1, 2, 3, 5, 8, 13)
"""A search is saved, restored and compared after these generations."""


def check_has_an_archive_and_a_batch(subject: SchemeSubject) -> None:
    """A new scheme has an empty archive, and says how large its batches are."""
    scheme = subject.scheme
    archive: object = scheme.archive
    batch: object = scheme.batch
    expect(
        isinstance(archive, Archive),
        f"archive is {type(archive).__name__}; give the scheme archive = Archive.of(spec)",
    )
    assert isinstance(archive, Archive)
    expect(not archive.candidates, "the archive of a new scheme holds elites")
    expect(
        isinstance(batch, int) and batch >= 1,
        f"batch is {batch!r}; it is how many candidates a generation usually has, 1 or more",
    )


def check_leaves_out_what_means_nothing(subject: SchemeSubject) -> None:
    """A class that means that nothing is there is no niche."""
    spec = replace(TOY_SPEC, nothing=TOY_SPEC.classes[:1])
    every, searched = (
        subject.make(ToyEncoding(parents=subject.parents), each, 1).archive.classes.tolist()
        for each in (TOY_SPEC, spec)
    )
    require(len(every) == len(spec.classes), "it searches only the classes that it is told")
    expect(
        0 not in searched,
        f"the archive searches the class {spec.classes[0]!r}, which is in spec.nothing; make it "
        "by Archive.of(spec), or choose the classes by spec.searched()",
    )


def check_candidates_are_numbered_through(subject: SchemeSubject) -> None:
    """Candidates are numbered from 0 without a gap, and know their generation."""
    expected = 0
    for generation, step in enumerate(subject.steps):
        ids = [candidate.id for candidate in step.candidates]
        expect(
            ids == list(range(expected, expected + len(ids))),
            f"generation {generation} has the ids {_few(ids)}; the next ones were "
            f"{expected}, {expected + 1}, …",
        )
        expected += len(ids)
        wrong = {candidate.generation for candidate in step.candidates} - {generation}
        expect(not wrong, f"candidates of generation {generation} have generation = {_few(wrong)}")


def check_parents_are_elites_or_members(subject: SchemeSubject) -> None:
    """A parent is an elite or a member when its child is bred, so that lineage has no gaps."""
    for generation, step in enumerate(subject.steps):
        parents = {parent for candidate in step.candidates for parent in candidate.parents}
        unknown = parents - step.known
        expect(
            not unknown,
            f"candidates of generation {generation} have the parents {_few(unknown)}, which were "
            "neither elites nor listed by members(); breed from those",
        )


def check_replacements_agree_with_the_archive(subject: SchemeSubject) -> None:
    """``tell`` returns each niche that changed once: its new elite, and who held it before.

    An elite's confidence is the probability that the target gave its class.
    """
    for generation, step in enumerate(subject.steps):
        changed = np.flatnonzero(step.before.candidate_ids != step.after.candidate_ids).tolist()
        returned = [replacement.elite.class_index for replacement in step.replacements]
        expect(
            sorted(returned) == changed,
            f"in generation {generation} the niches {changed} changed and tell() gave "
            f"replacements for {returned}; return what Archive.offer() gives",
        )
        _check_replacements(generation, step)


def _check_replacements(generation: int, step: Step) -> None:
    for replacement in step.replacements:
        elite, index, niches = replacement.elite, replacement.elite.class_index, step.after
        where = f"generation {generation}, class index {index}"
        expect(
            elite.candidate in step.candidates,
            f"{where}: the new elite {elite.candidate.id} is not one of the scored candidates",
        )
        held = int(step.before.candidate_ids[index])
        scored = float(step.scores.probs[step.candidates.index(elite.candidate), index])
        placed = (elite.candidate.id, elite.confidence, elite.rank)
        in_archive = (niches.candidate_ids[index], niches.confidences[index], niches.ranks[index])
        facts = {
            "previous": (replacement.previous, None if held == EMPTY else held),
            "(id, confidence, rank)": (placed, tuple(value.item() for value in in_archive)),
            "confidence": (elite.confidence, scored),
        }
        for name, (given, wanted) in facts.items():
            text = f"{where}: the replacement has {name} = {given}; what happened was {wanted}"
            expect(given == wanted, text)


def check_ranks_never_fall(subject: SchemeSubject) -> None:
    """A niche changes hands only to a higher rank."""
    for generation, step in enumerate(subject.steps):
        fallen = np.flatnonzero(step.after.ranks < step.before.ranks)
        expect(
            not len(fallen),
            f"generation {generation}: the ranks of the niches {_few(fallen.tolist())} fell",
        )


def check_search_fills_niches(subject: SchemeSubject) -> None:
    """After some generations the archive has elites, also without logits."""
    without = subject.search(judge=lambda scores: replace(scores, logits=None)).steps(4)
    for steps, how in ((subject.steps, ""), ([*without], " without logits")):
        expect(
            (steps[-1].after.candidate_ids != EMPTY).any(),
            f"after {len(steps)} generations{how} every niche is empty; tell() should offer the "
            "candidates to the archive, by neatfool.rank(scores)",
        )


def check_refused_candidates_never_become_elites(subject: SchemeSubject) -> None:
    """A candidate whose row is not ``ok`` takes no niche."""
    refused: set[int] = set()
    for generation, step in enumerate(subject.search(judge=_refuse_the_best).steps(5)):
        ok = np.asarray(step.scores.ok)
        refused |= {c.id for c, fine in zip(step.candidates, ok, strict=True) if not fine}
        elites = refused & set(step.after.candidate_ids.tolist())
        expect(
            not elites,
            f"generation {generation}: the candidates {_few(elites)} became elites although "
            "their scores are not ok; leave rows out where scores.ok is False",
        )


def check_a_last_generation_may_be_cut_short(subject: SchemeSubject) -> None:
    """``tell`` accepts only the first candidates of ``ask``; the run can go on later."""
    for generations in (0, 2):
        search = subject.search()
        list(search.steps(generations))
        step = search.step(keep=1)
        if step is None:
            continue
        scored = step.known | {step.candidates[0].id}
        strangers = set(step.after.candidate_ids.tolist()) - scored - {EMPTY}
        expect(not strangers, f"the candidates {_few(strangers)} became elites without scores")
        made_longer = subject.search()
        made_longer.restore(*search.save())
        made_longer.step()


def _refuse_the_best(scores: Scores) -> Scores:
    """Refuse the rows that would win a niche, and raise their probabilities."""
    ok = np.ones(len(scores.probs), dtype=bool)
    ok[scores.probs.argmax(axis=0)] = False
    if not ok.any():  # a run would stop
        ok[0] = True
    probs = scores.probs.copy()
    probs[~ok] = 1.0
    return replace(scores, probs=probs, logits=None, ok=ok)


def check_same_seed_gives_the_same_search(subject: SchemeSubject) -> None:
    """The seed alone decides, and another seed gives another search."""
    again = subject.search(1).steps(len(subject.steps))
    for generation, (a, b) in enumerate(zip(subject.steps, again, strict=True)):
        expect(
            same_step(a, b),
            f"a second search with the same seed differs from generation {generation} on; make "
            "generators from derive_seed(seed, ...) and the generation",
        )
    other = next(subject.search(2).steps(1))
    genomes = [candidate.genome for candidate in other.candidates]
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


def check_members_have_unique_ids(subject: SchemeSubject) -> None:
    """``members`` lists candidates of earlier ``ask`` calls, each once."""
    search, bred = subject.search(), set[int]()
    for step in search.steps(6):
        bred.update(candidate.id for candidate in step.candidates)
        ids = [member.id for member in search.scheme.members()]
        expect(len(ids) == len(set(ids)), "members() lists a candidate twice")
        strangers = set(ids) - bred
        expect(not strangers, f"members() lists {_few(strangers)}, which ask() never gave")


def check_restored_search_goes_on_to_the_bit(subject: SchemeSubject) -> None:
    """A scheme restored after any generation goes on as the one that was saved."""
    original = subject.search()
    for generation in range(len(subject.steps)):
        if generation in SAVED_AFTER:
            _check_restored(subject, original, generation)
        original.step()


def _check_restored(subject: SchemeSubject, original: ToySearch, generation: int) -> None:
    resumed = subject.search()
    resumed.restore(*original.save())
    expected = subject.steps[generation : generation + 4]
    for number, step in enumerate(expected, generation):
        continued = resumed.step()
        expect(
            continued is not None and same_step(continued, step),
            f"a search restored after {generation} generations "
            f"{'ends' if continued is None else 'differs'} in generation {number}; state() and "
            "members() must hold everything but the archive that ask() and tell() use",
        )


def _few(ids: Any) -> str:
    """List the first few ids."""
    shown = sorted(ids)
    return ", ".join(map(str, shown[:5])) + (", …" if len(shown) > 5 else "")
