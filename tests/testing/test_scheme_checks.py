"""Each check of a scheme finds the fault that it is there for."""

import random
from dataclasses import replace

import numpy as np
import pytest

from neatfool import Archive, Candidate, Scheme, derive_seed
from neatfool.testing import ToyScheme, check_plugin, examine_plugin


class Climb(Scheme):
    """A good scheme, to be spoilt: a population of one a class, and one member beside the elites.

    The member is the last candidate of the generation before; it breeds half of the next one.
    """

    def __init__(self, encoding, spec, seed) -> None:
        self.batch = 6
        self.archive = Archive.of(spec)
        self.encoding, self.seed = encoding, seed
        self.generation, self.asked = 0, 0
        self.last = None

    def ask(self):
        ids = list(range(self.asked, self.asked + self.batch))
        self.asked += self.batch
        if self.last is None:
            genomes = self.encoding.create([derive_seed(self.seed, id_) for id_ in ids])
            return [Candidate(i, g, (), 0) for i, g in zip(ids, genomes, strict=True)]
        return self.breed(ids)

    def breed(self, ids):
        rng = np.random.default_rng(derive_seed(self.seed, "parents", self.generation))
        held = sorted(self.archive.candidates.values(), key=lambda candidate: candidate.id)
        drawn = rng.integers(len(held), size=len(ids))
        parents = [held[i] if n % 2 else self.last for n, i in enumerate(drawn)]
        genomes = self.encoding.breed(
            [[parent.genome] for parent in parents], [derive_seed(self.seed, id_) for id_ in ids]
        )
        return [
            Candidate(id_, genome, (parent.id,), self.generation)
            for id_, genome, parent in zip(ids, genomes, parents, strict=True)
        ]

    def tell(self, candidates, scores):
        self.generation += 1
        self.last = candidates[-1]
        return self.archive.offer(candidates, scores)

    def members(self):
        return [self.last] if self.last else []

    def state(self):
        last = self.last.id if self.last else None
        return {"generation": self.generation, "asked": self.asked, "last": last}

    def restore(self, state, candidates) -> None:
        self.generation, self.asked = state["generation"], state["asked"]
        self.last = candidates.get(state["last"])


def faults(scheme):
    return {result.name for result in examine_plugin("scheme", scheme) if not result.passed}


class Ending(Climb):
    def ask(self):
        return super().ask() if self.generation < 4 else []


@pytest.mark.parametrize("scheme", [Climb, ToyScheme, Ending])
def test_a_good_scheme_keeps_its_contract(scheme):
    check_plugin("scheme", scheme)


class NeverBegins(Climb):
    def ask(self):
        return []


class WithoutArchive(Climb):
    def __init__(self, encoding, spec, seed) -> None:
        super().__init__(encoding, spec, seed)
        self.archive = {}


class WithoutBatch(Climb):
    def __init__(self, encoding, spec, seed) -> None:
        super().__init__(encoding, spec, seed)
        self.batch = None


class Gaps(Climb):
    def ask(self):
        self.asked += 1
        return super().ask()


class FromOne(Climb):
    def ask(self):
        return [replace(c, generation=c.generation + 1) for c in super().ask()]


class ForgetsMembers(Climb):
    def members(self):
        return []


class Silent(Climb):
    def tell(self, candidates, scores):
        return super().tell(candidates, scores)[1:]


class WrongPrevious(Climb):
    def tell(self, candidates, scores):
        return [replace(r, previous=None) for r in super().tell(candidates, scores)]


class ElitesFromElsewhere(Climb):
    def tell(self, candidates, scores):
        before = self.last
        replacements = super().tell(candidates, scores)
        if before is None or not replacements:
            return replacements
        elite = replace(replacements[0].elite, candidate=before)
        self.archive.place(elite)
        return [replace(replacements[0], elite=elite), *replacements[1:]]


class Boasting(Climb):
    def tell(self, candidates, scores):
        return super().tell(candidates, replace(scores, probs=np.sqrt(scores.probs)))


class Falling(Climb):
    def tell(self, candidates, scores):
        self.archive.ranks[:] = -np.inf
        return super().tell(candidates, scores)


class Idle(Climb):
    def tell(self, candidates, scores):
        self.generation += 1
        return []


class NeedsLogits(Climb):
    def tell(self, candidates, scores):
        return super().tell(candidates, replace(scores, logits=scores.logits + 0))


class Seedless(Climb):
    def __init__(self, encoding, spec, seed) -> None:
        super().__init__(encoding, spec, 1)


class Entropy(Climb):
    def breed(self, ids):
        self.seed = np.random.default_rng().integers(2**40)
        return super().breed(ids)


class Drawing(Climb):
    def breed(self, ids):
        random.random()
        return super().breed(ids)


class Carried(Climb):
    """Carries a generator from call to call."""

    def __init__(self, encoding, spec, seed) -> None:
        super().__init__(encoding, spec, seed)
        self.rng = np.random.default_rng(seed)

    def breed(self, ids):
        self.last = self.rng.choice(list(self.archive.candidates.values()))
        return super().breed(ids)


class TakesRefused(Climb):
    def tell(self, candidates, scores):
        return super().tell(candidates, replace(scores, ok=None))


class SearchesNothing(Climb):
    def __init__(self, encoding, spec, seed) -> None:
        super().__init__(encoding, spec, seed)
        self.archive = Archive(len(spec.classes))


class NeedsTheWholeBatch(Climb):
    def tell(self, candidates, scores):
        self.last = candidates[self.batch - 1]
        return super().tell(candidates, scores)


class NumpyInTheState(Climb):
    def state(self):
        return {**super().state(), "best": self.archive.candidate_ids.max()}


class MembersTwice(Climb):
    def members(self):
        return super().members() * 2


class InventedMembers(Climb):
    def members(self):
        return [replace(member, id=member.id + 1000) for member in super().members()]


class ForgetsTheGeneration(Climb):
    def restore(self, state, candidates) -> None:
        super().restore({**state, "generation": 0}, candidates)


class ForgetsTheCandidates(Climb):
    def restore(self, state, candidates) -> None:
        super().restore({**state, "last": None}, candidates)


FAULTS = {
    "has an archive and a batch": [WithoutArchive, WithoutBatch],
    "leaves out what means nothing": [SearchesNothing],
    "candidates are numbered through": [NeverBegins, Gaps, FromOne],
    "parents are elites or members": [ForgetsMembers],
    "replacements agree with the archive": [Silent, WrongPrevious, ElitesFromElsewhere, Boasting],
    "ranks never fall": [Falling],
    "search fills niches": [Idle, NeedsLogits],
    "refused candidates never become elites": [TakesRefused],
    "a last generation may be cut short": [NeedsTheWholeBatch],
    "same seed gives the same search": [Seedless, Entropy],
    "global randomness is left alone": [Drawing],
    "members have unique ids": [MembersTwice, InventedMembers],
    "restored search goes on to the bit": [
        *(Carried, NumpyInTheState, ForgetsTheGeneration, ForgetsTheCandidates),
    ],
}


@pytest.mark.parametrize(
    ("check", "scheme"), [(check, each) for check, many in FAULTS.items() for each in many]
)
def test_a_fault_is_found_by_the_check_for_it(check, scheme):
    assert check in faults(scheme)


def test_one_fault_is_found_by_one_check():
    for scheme in (Gaps, Silent, Seedless, Drawing, TakesRefused, SearchesNothing):
        assert len(faults(scheme)) == 1
