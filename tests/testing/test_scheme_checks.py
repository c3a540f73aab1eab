"""Each check of a scheme finds the fault that it is there for."""

from __future__ import annotations

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


def faults(scheme: type) -> set[str]:
    return {result.name for result in examine_plugin("scheme", scheme) if not result.passed}


@pytest.mark.parametrize("scheme", [Climb, ToyScheme])
def test_a_good_scheme_keeps_its_contract(scheme) -> None:
    check_plugin("scheme", scheme)


def test_a_good_scheme_has_no_faults() -> None:
    assert faults(Climb) == set()


def test_a_scheme_that_ends_has_no_faults() -> None:
    class Ending(Climb):
        def ask(self):
            return super().ask() if self.generation < 4 else []

    assert faults(Ending) == set()


def test_a_scheme_that_never_begins_is_found() -> None:
    class Empty(Climb):
        def ask(self):
            return []

    assert "candidates are numbered through" in faults(Empty)


@pytest.mark.parametrize("attribute", ["archive", "batch"])
def test_a_missing_attribute_is_found(attribute) -> None:
    class Without(Climb):
        def __init__(self, encoding, spec, seed) -> None:
            super().__init__(encoding, spec, seed)
            setattr(self, attribute, {})

    assert "has an archive and a batch" in faults(Without)


def test_gaps_in_the_ids_are_found() -> None:
    class Gaps(Climb):
        def ask(self):
            self.asked += 1
            return super().ask()

    assert faults(Gaps) == {"candidates are numbered through"}


def test_a_wrong_generation_is_found() -> None:
    class FromOne(Climb):
        def ask(self):
            return [replace(c, generation=c.generation + 1) for c in super().ask()]

    assert faults(FromOne) == {"candidates are numbered through"}


def test_unknown_parents_are_found() -> None:
    class Forgetting(Climb):
        def members(self):
            return []

    found = faults(Forgetting)
    assert "parents are elites or members" in found
    assert "restored search goes on to the bit" in found


def test_replacements_left_out_are_found() -> None:
    class Silent(Climb):
        def tell(self, candidates, scores):
            return super().tell(candidates, scores)[1:]

    assert faults(Silent) == {"replacements agree with the archive"}


def test_a_wrong_previous_is_found() -> None:
    class Wrong(Climb):
        def tell(self, candidates, scores):
            return [replace(r, previous=None) for r in super().tell(candidates, scores)]

    assert faults(Wrong) == {"replacements agree with the archive"}


def test_an_elite_from_elsewhere_is_found() -> None:
    class Elsewhere(Climb):
        def tell(self, candidates, scores):
            before = self.last
            replacements = super().tell(candidates, scores)
            if before is None or not replacements:
                return replacements
            elite = replace(replacements[0].elite, candidate=before)
            self.archive.place(elite)
            return [replace(replacements[0], elite=elite), *replacements[1:]]

    assert "replacements agree with the archive" in faults(Elsewhere)


def test_invented_confidences_are_found() -> None:
    class Boasting(Climb):
        def tell(self, candidates, scores):
            return super().tell(candidates, replace(scores, probs=np.sqrt(scores.probs)))

    assert "replacements agree with the archive" in faults(Boasting)


def test_falling_ranks_are_found() -> None:
    class Always(Climb):
        def tell(self, candidates, scores):
            self.archive.ranks[:] = -np.inf
            return super().tell(candidates, scores)

    assert "ranks never fall" in faults(Always)


def test_an_archive_that_stays_empty_is_found() -> None:
    class Idle(Climb):
        def tell(self, candidates, scores):
            self.generation += 1
            return []

    assert "search fills niches" in faults(Idle)


def test_a_seed_that_is_ignored_is_found() -> None:
    class Seedless(Climb):
        def __init__(self, encoding, spec, seed) -> None:
            super().__init__(encoding, spec, 1)

    assert faults(Seedless) == {"same seed gives the same search"}


def test_hidden_randomness_is_found() -> None:
    class Entropy(Climb):
        def breed(self, ids):
            self.seed = np.random.default_rng().integers(2**40)
            return super().breed(ids)

    assert "same seed gives the same search" in faults(Entropy)


@pytest.mark.parametrize("draw", [random.random, np.random.random], ids=["random", "numpy"])
def test_global_randomness_is_found(draw) -> None:
    class Drawing(Climb):
        def breed(self, ids):
            draw()
            return super().breed(ids)

    assert faults(Drawing) == {"global randomness is left alone"}


def test_a_generator_carried_along_is_found() -> None:
    class Carried(Climb):
        def __init__(self, encoding, spec, seed) -> None:
            super().__init__(encoding, spec, seed)
            self.rng = np.random.default_rng(seed)

        def breed(self, ids):
            self.last = self.rng.choice(list(self.archive.candidates.values()))
            return super().breed(ids)

    assert "restored search goes on to the bit" in faults(Carried)


def test_refused_candidates_as_elites_are_found() -> None:
    class Blind(Climb):
        def tell(self, candidates, scores):
            return super().tell(candidates, replace(scores, ok=None))

    assert faults(Blind) == {"refused candidates never become elites"}


def test_a_search_for_what_means_nothing_is_found() -> None:
    class Thorough(Climb):
        def __init__(self, encoding, spec, seed) -> None:
            super().__init__(encoding, spec, seed)
            self.archive = Archive(len(spec.classes))

    assert faults(Thorough) == {"leaves out what means nothing"}


def test_a_need_for_logits_is_found() -> None:
    class Needy(Climb):
        def tell(self, candidates, scores):
            return super().tell(candidates, replace(scores, logits=scores.logits + 0))

    assert "search fills niches" in faults(Needy)


def test_a_need_for_the_whole_batch_is_found() -> None:
    class Whole(Climb):
        def tell(self, candidates, scores):
            self.last = candidates[self.batch - 1]
            return super().tell(candidates, scores)

    assert faults(Whole) == {"a last generation may be cut short"}


def test_numpy_numbers_in_the_state_are_found() -> None:
    class Numpy(Climb):
        def state(self):
            return {**super().state(), "best": self.archive.ranks.max()}

    class NumpyInteger(Climb):
        def state(self):
            return {**super().state(), "best": self.archive.candidate_ids.max()}

    assert "restored search goes on to the bit" in faults(Numpy)  # -inf at first
    assert "restored search goes on to the bit" in faults(NumpyInteger)


def test_members_that_were_never_asked_for_are_found() -> None:
    class Twice(Climb):
        def members(self):
            return super().members() * 2

    class Invented(Climb):
        def members(self):
            return [replace(member, id=member.id + 1000) for member in super().members()]

    assert "members have unique ids" in faults(Twice)
    assert "members have unique ids" in faults(Invented)


def test_a_state_that_forgets_is_found() -> None:
    class NoGeneration(Climb):
        def restore(self, state, candidates) -> None:
            super().restore({**state, "generation": 0}, candidates)

    class NotTheCandidates(Climb):
        def restore(self, state, candidates) -> None:
            super().restore({**state, "last": None}, candidates)

    assert "restored search goes on to the bit" in faults(NoGeneration)
    assert "restored search goes on to the bit" in faults(NotTheCandidates)
