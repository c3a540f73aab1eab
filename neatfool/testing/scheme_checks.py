"""The checks that every scheme must pass, in a search with a tiny encoding and target."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Final
from unittest import SkipTest

import numpy as np

from neatfool.spec.archive import EMPTY, Archive, Candidate, Replacement
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.scores import Scores
from neatfool.testing.checking import Subject, global_randomness
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
    members: tuple[int, ...]
    """The ids of the members after ``tell``."""

    def same(self, other: SearchStep) -> bool:
        """Say whether another step is the same, to the bit."""
        told = (self.candidates, self.replacements) == (other.candidates, other.replacements)
        return told and all(
            np.array_equal(getattr(self.after, name), getattr(other.after, name))
            for name in ("candidate_ids", "ranks", "scores")
        )


class ToySearch:
    """Runs a scheme with a tiny encoding; ``judge`` changes the scores before it gets them."""

    def __init__(self, scheme: Scheme, encoding: ToyEncoding, judge: ScoreFilter) -> None:
        self.scheme, self.encoding, self._judge = scheme, encoding, judge
        self._target = ToyTarget(TOY_SPEC)

    def steps(self, generations: int) -> Iterator[SearchStep]:
        """Run some generations, or until the search ends."""
        return islice(iter(self.step, None), generations)

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
        after, members = deepcopy(scheme.archive), tuple(each.id for each in scheme.members())
        return SearchStep(known, tuple(candidates), scores, replacements, before, after, members)

    def _held(self) -> dict[int, Candidate]:
        members = {member.id: member for member in self.scheme.members()}
        return {**self.scheme.archive.candidates, **members}

    def restored_in(self, other: ToySearch) -> ToySearch:
        """Save what a run's database holds of this search, and go on from that in a new one."""
        coding, archive = self.encoding, other.scheme.archive
        state = json.dumps(self.scheme.state(), allow_nan=False)
        candidates = {
            id_: replace(each, genome=coding.loads(coding.dumps(each.genome)), evaluations=1)
            for id_, each in self._held().items()
        }
        for elite in self.scheme.archive.elites():
            archive.place(replace(elite, candidate=candidates[elite.candidate.id]))
        other.scheme.restore(json.loads(state), candidates)
        return other


class SchemeSubject(Subject[Scheme]):
    """A scheme under test, with a tiny encoding that wants so many parents."""

    def __init__(self, make: Callable[..., Scheme], parents: int) -> None:
        super().__init__(make)
        self.parents = parents

    @property
    def made(self) -> Scheme:
        """A new one, each time."""
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
    archive: object = subject.made.archive
    batch: object = subject.made.batch
    new = isinstance(archive, Archive) and not archive.candidates
    assert new, f"archive is {archive!r}; give a new scheme archive = Archive.of(spec)"
    counts = isinstance(batch, int) and batch >= 1
    assert counts, f"batch is {batch!r}; it is how many candidates a generation usually has"


def check_leaves_out_what_means_nothing(subject: SchemeSubject) -> None:
    def searched(spec: ImageSpec) -> list[int]:
        scheme = subject.make(ToyEncoding(parents=subject.parents), spec, 1)
        return list(map(int, scheme.archive.classes))

    if len(searched(TOY_SPEC)) < len(TOY_SPEC.classes):
        raise SkipTest("it searches only the classes that it is told")
    spec = replace(TOY_SPEC, nothing=TOY_SPEC.classes[:1])
    fault = f"the archive searches {spec.classes[0]!r}, of spec.nothing"
    assert 0 not in searched(spec), f"{fault}; make it by Archive.of(spec)"


def check_candidates_are_numbered_through(subject: SchemeSubject) -> None:
    expected = 0
    for generation, step in enumerate(subject.steps):
        ids = [candidate.id for candidate in step.candidates]
        right = ids == list(range(expected, expected + len(ids)))
        assert right, f"generation {generation} has the ids {ids[:5]}; the next one was {expected}"
        expected += len(ids)
        given = {candidate.generation for candidate in step.candidates}
        assert given == {generation}, f"candidates of generation {generation} have {_few(given)}"


def check_parents_are_elites_or_members(subject: SchemeSubject) -> None:
    for generation, step in enumerate(subject.steps):
        parents = {parent for candidate in step.candidates for parent in candidate.parents}
        unknown = _few(parents - step.known)
        fault = f"generation {generation} has the parents {unknown}, no elites nor members()"
        assert not unknown, fault


def check_replacements_agree_with_the_archive(subject: SchemeSubject) -> None:
    for generation, step in enumerate(subject.steps):
        before, after = step.before, step.after
        changed = np.flatnonzero(before.candidate_ids != after.candidate_ids).tolist()
        returned = sorted(replacement.elite.class_index for replacement in step.replacements)
        fault = f"in generation {generation} niches {changed} changed, and tell() gave {returned}"
        assert returned == changed, fault
        for replacement in step.replacements:
            elite, index = replacement.elite, replacement.elite.class_index
            where = f"generation {generation}, class index {index}"
            known = elite.candidate in step.candidates
            assert known, f"{where}: the new elite {elite.candidate.id} was not scored"
            held = int(before.candidate_ids[index])
            place = step.candidates.index(elite.candidate)
            archived = (after.candidate_ids, after.scores, after.ranks)
            told = (elite.candidate.id, elite.score, elite.rank, replacement.previous)
            true = (*(each[index].item() for each in archived), None if held == EMPTY else held)
            names = "(id, score, rank, previous)"
            assert told == true, f"{where}: the replacement tells {names} {told}, but it is {true}"
            scored = float(step.scores.probs[place, index])
            fault = f"{where}: its score is {elite.score}, and it scored {scored}"
            assert elite.score == scored, fault


def check_ranks_never_fall(subject: SchemeSubject) -> None:
    for generation, step in enumerate(subject.steps):
        fallen = np.flatnonzero(step.after.ranks < step.before.ranks).tolist()
        assert not fallen, f"generation {generation}: the ranks of the niches {_few(fallen)} fell"


def check_search_fills_niches(subject: SchemeSubject) -> None:
    without = [*subject.search(judge=lambda scores: replace(scores, logits=None)).steps(4)]
    for steps, how in ((subject.steps, ""), (without, " without logits")):
        filled = (steps[-1].after.candidate_ids != EMPTY).any()
        fault = f"after {len(steps)} generations{how} every niche is empty; call archive.offer()"
        assert filled, fault


def check_refused_candidates_never_become_elites(subject: SchemeSubject) -> None:
    refused: set[int] = set()
    for step in subject.search(judge=_refuse_the_best).steps(5):
        ok = np.asarray(step.scores.ok)
        refused |= {c.id for c, fine in zip(step.candidates, ok, strict=True) if not fine}
        elites = _few(refused & set(step.after.candidate_ids.tolist()))
        assert not elites, f"{elites} became elites, but their scores are not ok"


def _refuse_the_best(scores: Scores) -> Scores:
    """Refuse the rows that would win a niche, and raise their probabilities."""
    ok = np.ones(len(scores.probs), dtype=bool)
    ok[scores.probs.argmax(axis=0)] = False
    if not ok.any():  # a run would stop
        ok[0] = True
    probs = scores.probs.copy()
    probs[~ok] = 1.0
    return replace(scores, probs=probs, logits=None, ok=ok)


def check_a_last_generation_may_be_cut_short(subject: SchemeSubject) -> None:
    for generations in (0, 2):
        search = subject.search()
        list(search.steps(generations))
        if step := search.step(keep=1):
            scored = step.known | {step.candidates[0].id}
            strangers = _few(set(step.after.candidate_ids.tolist()) - scored - {EMPTY})
            assert not strangers, f"the candidates {strangers} became elites without scores"
            search.restored_in(subject.search()).step()


def check_same_seed_gives_the_same_search(subject: SchemeSubject) -> None:
    again = subject.search(1).steps(len(subject.steps))
    for generation, (a, b) in enumerate(zip(subject.steps, again, strict=True)):
        fault = f"with one seed, searches differ from generation {generation} on; use derive_seed()"
        assert a.same(b), fault
    genomes, others = (
        [candidate.genome for candidate in step.candidates]
        for step in (subject.steps[0], next(subject.search(2).steps(1)))
    )
    assert genomes != others, "the seeds 1 and 2 begin with the same genomes; use the seed"


def check_global_randomness_is_left_alone(subject: SchemeSubject) -> None:
    for state in (1, 2):
        with global_randomness(state):
            steps = list(subject.search().steps(4))
        same = all(a.same(b) for a, b in zip(subject.steps, steps, strict=False))
        assert same, "a search depends on global generators; use derive_seed()"


def check_members_have_unique_ids(subject: SchemeSubject) -> None:
    bred: set[int] = set()
    for step in subject.steps:
        bred.update(candidate.id for candidate in step.candidates)
        assert len({*step.members}) == len(step.members), "members() lists a candidate twice"
        strangers = _few({*step.members} - bred)
        assert not strangers, f"members() lists {strangers}, which ask() never gave"


def check_restored_search_goes_on_to_the_bit(subject: SchemeSubject) -> None:
    original = subject.search()
    for generation in range(len(subject.steps)):
        if generation in SAVED_AFTER:
            resumed = original.restored_in(subject.search())
            for expected in subject.steps[generation : generation + 4]:
                continued = resumed.step()
                fault = f"a search restored after {generation} generations goes on differently"
                assert continued and continued.same(expected), (
                    f"{fault}: state() and members() must hold all that ask() and tell() use but "
                    "the archive"
                )
        original.step()


def _few(ids: Iterable[int]) -> str:
    shown = sorted(ids)
    return ", ".join(map(str, shown[:5])) + (", …" if len(shown) > 5 else "")
