"""The checks that every scheme must pass, in a search with a tiny encoding and target."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import Any, Final
from unittest import SkipTest

import numpy as np

from neatfool.spec.archive import EMPTY, Archive, Candidate, Elite, Replacement
from neatfool.spec.scheme import Scheme
from neatfool.spec.scores import Scores
from neatfool.testing.checking import global_randomness
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyTarget

GENERATIONS: Final = 18
"""So long is the search that the checks share."""
SAVED_AFTER: Final = (0, 1, 2, 3, 5, 8, 13)
"""A search is saved, restored and compared after these generations."""
ScoreFilter = Callable[[Scores], Scores]


@dataclass(frozen=True)
class SearchStep:
    """One generation of a toy search: what ``ask`` gave, and what ``tell`` got and gave."""

    known: frozenset[int]
    """The ids of the elites and members before ``ask``."""
    candidates: tuple[Candidate, ...]
    scores: Scores
    replacements: tuple[Replacement, ...]
    before: Archive
    """A copy of the archive before ``tell``."""
    after: Archive
    """A copy of the archive after ``tell``."""

    def same(self, other: SearchStep) -> bool:
        """Say whether another step is the same, to the bit."""
        names = ("before.candidate_ids", "after.candidate_ids", "after.ranks", "after.confidences")
        mine, its = ([attrgetter(name)(each) for name in names] for each in (self, other))
        told = (self.candidates, self.replacements) == (other.candidates, other.replacements)
        return told and all(map(np.array_equal, mine, its))


class ToySearch:
    """Runs a scheme with a tiny encoding; ``judge`` changes the scores before it gets them."""

    def __init__(self, scheme: Scheme, encoding: ToyEncoding, judge: ScoreFilter) -> None:
        self.scheme, self.encoding, self._judge = scheme, encoding, judge
        self._target = ToyTarget(TOY_SPEC)

    def steps(self, generations: int) -> Iterator[SearchStep]:
        """Run some generations, or until the search ends."""
        for _ in range(generations):
            if (step := self.step()) is None:
                return
            yield step

    def step(self, keep: int | None = None) -> SearchStep | None:
        """Run a generation of at most ``keep`` candidates; None if the search has ended."""
        scheme, known = self.scheme, frozenset(self._held())
        candidates = list(islice(scheme.ask(), keep))
        if not candidates:
            return None
        images = self.encoding.render([candidate.genome for candidate in candidates])
        ok = np.ones(len(candidates), dtype=bool)
        scores = self._judge(replace(self._target.score(images.numpy()), ok=ok))
        before = deepcopy(scheme.archive)
        replacements = tuple(scheme.tell(candidates, scores))
        after = deepcopy(scheme.archive)
        return SearchStep(known, tuple(candidates), scores, replacements, before, after)

    def _held(self) -> dict[int, Candidate]:
        members = {member.id: member for member in self.scheme.members()}
        return {**self.scheme.archive.candidates, **members}

    def save(self) -> tuple[str, dict[int, Candidate], list[Elite]]:
        """Save what a run's database holds: the state as JSON, candidates as text, and elites."""
        texts = {
            id_: replace(each, genome=self.encoding.dumps(each.genome), evaluations=1)
            for id_, each in self._held().items()
        }
        state = json.dumps(self.scheme.state(), allow_nan=False)
        return state, texts, list(self.scheme.archive.elites())

    def restore(self, state: str, held: dict[int, Candidate], elites: list[Elite]) -> None:
        """Continue a saved search with this new one."""
        read = self.encoding.loads
        candidates = {id_: replace(each, genome=read(each.genome)) for id_, each in held.items()}
        for elite in elites:
            self.scheme.archive.place(replace(elite, candidate=candidates[elite.candidate.id]))
        self.scheme.restore(json.loads(state), candidates)


class SchemeSubject:
    """A scheme under test, with a tiny encoding that wants so many parents."""

    def __init__(self, make: Callable[..., Scheme], *, parents: int) -> None:
        self.make, self.parents = make, parents

    @property
    def scheme(self) -> Scheme:
        """A new one."""
        return self.search().scheme

    def search(self, seed: int = 1, judge: ScoreFilter = lambda scores: scores) -> ToySearch:
        """Start a search."""
        encoding = ToyEncoding(TOY_SPEC, parents=self.parents)
        return ToySearch(self.make(encoding, TOY_SPEC, seed), encoding, judge)

    @cached_property
    def steps(self) -> list[SearchStep]:
        """The generations of a search that the checks share."""
        steps = list(self.search().steps(GENERATIONS))
        assert len(steps) > 1, f"ask() gave an empty list after {len(steps)} generations: the end"
        return steps


def check_has_an_archive_and_a_batch(subject: SchemeSubject) -> None:
    scheme = subject.scheme
    archive: object = scheme.archive
    batch: object = scheme.batch
    assert isinstance(archive, Archive), (
        f"archive is {type(archive).__name__}; give the scheme archive = Archive.of(spec)"
    )
    assert not archive.candidates, "the archive of a new scheme holds elites"
    assert isinstance(batch, int) and batch >= 1, (
        f"batch is {batch!r}; it is how many candidates a generation usually has, 1 or more"
    )


def check_leaves_out_what_means_nothing(subject: SchemeSubject) -> None:
    spec = replace(TOY_SPEC, nothing=TOY_SPEC.classes[:1])
    every, searched = (
        subject.make(ToyEncoding(parents=subject.parents), each, 1).archive.classes.tolist()
        for each in (TOY_SPEC, spec)
    )
    if len(every) < len(spec.classes):
        raise SkipTest("it searches only the classes that it is told")
    assert 0 not in searched, (
        f"the archive searches {spec.classes[0]!r}, of spec.nothing; make it by Archive.of(spec)"
    )


def check_candidates_are_numbered_through(subject: SchemeSubject) -> None:
    expected = 0
    for generation, step in enumerate(subject.steps):
        ids = [candidate.id for candidate in step.candidates]
        assert ids == list(range(expected, expected + len(ids))), (
            f"generation {generation} has the ids {_few(ids)}; the next one was {expected}"
        )
        expected += len(ids)
        wrong = {candidate.generation for candidate in step.candidates} - {generation}
        assert not wrong, f"candidates of generation {generation} have generation = {_few(wrong)}"


def check_parents_are_elites_or_members(subject: SchemeSubject) -> None:
    for generation, step in enumerate(subject.steps):
        parents = {parent for candidate in step.candidates for parent in candidate.parents}
        unknown = parents - step.known
        assert not unknown, (
            f"generation {generation} has the parents {_few(unknown)}, no elites nor members()"
        )


def check_replacements_agree_with_the_archive(subject: SchemeSubject) -> None:
    for generation, step in enumerate(subject.steps):
        changed = np.flatnonzero(step.before.candidate_ids != step.after.candidate_ids).tolist()
        returned = [replacement.elite.class_index for replacement in step.replacements]
        assert sorted(returned) == changed, (
            f"in generation {generation} niches {changed} changed, and tell() gave {returned}"
        )
        for replacement in step.replacements:
            elite, index, niches = replacement.elite, replacement.elite.class_index, step.after
            where = f"generation {generation}, class index {index}"
            assert elite.candidate in step.candidates, (
                f"{where}: the new elite {elite.candidate.id} is not one of the scored candidates"
            )
            held = int(step.before.candidate_ids[index])
            scored = float(step.scores.probs[step.candidates.index(elite.candidate), index])
            placed = (elite.candidate.id, elite.confidence, elite.rank)
            archived = (niches.candidate_ids[index], niches.confidences[index], niches.ranks[index])
            facts = {
                "previous": (replacement.previous, None if held == EMPTY else held),
                "(id, confidence, rank)": (placed, tuple(value.item() for value in archived)),
                "confidence": (elite.confidence, scored),
            }
            for name, (given, wanted) in facts.items():
                assert given == wanted, (
                    f"{where}: the replacement has {name} = {given}; what happened was {wanted}"
                )


def check_ranks_never_fall(subject: SchemeSubject) -> None:
    for generation, step in enumerate(subject.steps):
        fallen = np.flatnonzero(step.after.ranks < step.before.ranks).tolist()
        assert not fallen, f"generation {generation}: the ranks of the niches {_few(fallen)} fell"


def check_search_fills_niches(subject: SchemeSubject) -> None:
    without = subject.search(judge=lambda scores: replace(scores, logits=None)).steps(4)
    for steps, how in ((subject.steps, ""), ([*without], " without logits")):
        assert (steps[-1].after.candidate_ids != EMPTY).any(), (
            f"after {len(steps)} generations{how} every niche is empty; call archive.offer()"
        )


def check_refused_candidates_never_become_elites(subject: SchemeSubject) -> None:
    refused: set[int] = set()
    for generation, step in enumerate(subject.search(judge=_refuse_the_best).steps(5)):
        ok = np.asarray(step.scores.ok)
        refused |= {c.id for c, fine in zip(step.candidates, ok, strict=True) if not fine}
        elites = refused & set(step.after.candidate_ids.tolist())
        assert not elites, (
            f"generation {generation}: {_few(elites)} became elites, but their scores are not ok"
        )


def check_a_last_generation_may_be_cut_short(subject: SchemeSubject) -> None:
    for generations in (0, 2):
        search = subject.search()
        list(search.steps(generations))
        step = search.step(keep=1)
        if step is None:
            continue
        scored = step.known | {step.candidates[0].id}
        strangers = set(step.after.candidate_ids.tolist()) - scored - {EMPTY}
        assert not strangers, f"the candidates {_few(strangers)} became elites without scores"
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
    again = subject.search(1).steps(len(subject.steps))
    for generation, (a, b) in enumerate(zip(subject.steps, again, strict=True)):
        assert a.same(b), (
            f"with one seed, searches differ from generation {generation} on; use derive_seed()"
        )
    other = next(subject.search(2).steps(1))
    genomes = [candidate.genome for candidate in other.candidates]
    assert genomes != [candidate.genome for candidate in subject.steps[0].candidates], (
        "the seeds 1 and 2 begin with the same genomes; derive the genomes' seeds from the seed"
    )


def check_global_randomness_is_left_alone(subject: SchemeSubject) -> None:
    for state in (1, 2):
        with global_randomness(state):
            steps = list(subject.search().steps(4))
        for generation, (a, b) in enumerate(zip(subject.steps, steps, strict=False)):
            assert a.same(b), (
                f"generation {generation} depends on global generators; use derive_seed()"
            )


def check_members_have_unique_ids(subject: SchemeSubject) -> None:
    search, bred = subject.search(), set[int]()
    for step in search.steps(6):
        bred.update(candidate.id for candidate in step.candidates)
        ids = [member.id for member in search.scheme.members()]
        assert len(ids) == len(set(ids)), "members() lists a candidate twice"
        strangers = set(ids) - bred
        assert not strangers, f"members() lists {_few(strangers)}, which ask() never gave"


def check_restored_search_goes_on_to_the_bit(subject: SchemeSubject) -> None:
    original = subject.search()
    for generation in range(len(subject.steps)):
        if generation in SAVED_AFTER:
            resumed = subject.search()
            resumed.restore(*original.save())
            for number in range(generation, min(generation + 4, len(subject.steps))):
                continued = resumed.step()
                assert continued and continued.same(subject.steps[number]), (
                    f"a search restored after {generation} generations differs in {number}: state()"
                    " and members() must hold all but the archive that ask() and tell() use"
                )
        original.step()


def _few(ids: Any) -> str:
    shown = sorted(ids)
    return ", ".join(map(str, shown[:5])) + (", …" if len(shown) > 5 else "")
