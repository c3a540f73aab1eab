"""Checks of a scheme's ``tell``: which candidates become elites, and what it returns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neatfool.spec.archive import EMPTY
from neatfool.testing.expectation import expect
from neatfool.testing.scheme_subject import few

if TYPE_CHECKING:
    from neatfool.spec.scores import Scores
    from neatfool.testing.scheme_subject import SchemeSubject
    from neatfool.testing.toy_search import Step


def check_replacements_agree_with_the_archive(subject: SchemeSubject) -> None:
    """``tell`` returns each niche that changed once: its new elite, and who held it before."""
    for generation, step in enumerate(subject.steps):
        changed = np.flatnonzero(step.before.ids != step.after.ids).tolist()
        returned = [replacement.elite.class_index for replacement in step.replacements]
        expect(
            sorted(returned) == changed,
            f"in generation {generation} the niches {changed} changed and tell() gave "
            f"replacements for {returned}; return what Archive.offer() gives",
        )
        _check_replacements(generation, step)


def _check_replacements(generation: int, step: Step) -> None:
    batch = {candidate.id: candidate for candidate in step.candidates}
    for replacement in step.replacements:
        elite, where = replacement.elite, f"generation {generation}, class index "
        where += str(elite.class_index)
        expect(
            batch.get(elite.candidate.id) == elite.candidate,
            f"{where}: the new elite {elite.candidate.id} is not one of the scored candidates",
        )
        held = int(step.before.ids[elite.class_index])
        expect(
            replacement.previous == (None if held == EMPTY else held),
            f"{where}: previous is {replacement.previous}; the niche was held by "
            f"{'nobody (None)' if held == EMPTY else held}",
        )
        found = (elite.candidate.id, elite.confidence, elite.rank)
        niches, index = step.after, elite.class_index
        expected = (niches.ids[index], niches.confidences[index], niches.ranks[index])
        expect(
            found == expected,
            f"{where}: the replacement says (id, confidence, rank) = {found}; "
            f"the archive {tuple(value.item() for value in expected)}",
        )


def check_elites_have_the_confidence_they_were_told(subject: SchemeSubject) -> None:
    """An elite's confidence is the probability that the target gave its class."""
    for generation, step in enumerate(subject.steps):
        rows = {candidate.id: row for row, candidate in enumerate(step.candidates)}
        for elite in (replacement.elite for replacement in step.replacements):
            scored = float(step.scores.probs[rows[elite.candidate.id], elite.class_index])
            expect(
                elite.confidence == scored,
                f"generation {generation}: candidate {elite.candidate.id} became the elite of "
                f"class index {elite.class_index} with confidence {elite.confidence}; "
                f"its score was {scored}",
            )


def check_ranks_never_fall(subject: SchemeSubject) -> None:
    """A niche changes hands only to a higher rank."""
    for generation, step in enumerate(subject.steps):
        fallen = np.flatnonzero(step.after.ranks < step.before.ranks)
        expect(
            not len(fallen),
            f"generation {generation}: the ranks of the niches {few(fallen.tolist())} fell",
        )


def check_search_fills_niches(subject: SchemeSubject) -> None:
    """After some generations the archive has elites."""
    expect(
        (subject.steps[-1].after.ids != EMPTY).any(),
        f"after {len(subject.steps)} generations every niche is empty; "
        "tell() should offer the candidates to the archive",
    )


def check_refused_candidates_never_become_elites(subject: SchemeSubject) -> None:
    """A candidate whose row is not ``ok`` takes no niche."""
    refused: set[int] = set()
    for generation, step in enumerate(subject.search(judge=_refuse_the_best).steps(5)):
        ok = np.asarray(step.scores.ok)
        refused |= {c.id for c, fine in zip(step.candidates, ok, strict=True) if not fine}
        elites = refused & set(step.after.ids.tolist())
        expect(
            not elites,
            f"generation {generation}: the candidates {few(elites)} became elites although "
            "their scores are not ok; leave rows out where scores.ok is False",
        )


def check_probabilities_alone_are_enough(subject: SchemeSubject) -> None:
    """Scores without logits are ranked by probability."""
    steps = list(subject.search(judge=lambda scores: replace(scores, logits=None)).steps(4))
    expect(
        (steps[-1].after.ids != EMPTY).any(),
        "without logits no niche was filled; neatfool.rank(scores) uses logits or probabilities",
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
        strangers = set(step.after.ids.tolist()) - scored - {EMPTY}
        expect(not strangers, f"the candidates {few(strangers)} became elites without scores")
        made_longer = subject.search()
        made_longer.restore(search.save())
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
