"""Checks of a scheme's ``ask``: candidates with ids, parents and a generation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neatfool.spec.archive import Archive
from neatfool.testing.expectation import expect, require
from neatfool.testing.scheme_subject import few
from neatfool.testing.toys import TOY_SPEC, ToyEncoding

if TYPE_CHECKING:
    from neatfool.testing.scheme_subject import SchemeSubject


def check_has_an_archive_and_a_batch(subject: SchemeSubject) -> None:
    """A new scheme has an empty archive, and says how large its batches are."""
    scheme = subject.search().scheme
    archive, batch = getattr(scheme, "archive", None), getattr(scheme, "batch", None)
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


def check_ask_gives_candidates(subject: SchemeSubject) -> None:
    """The first generations have candidates."""
    expect(
        len(subject.steps) >= 2,
        f"ask() gave an empty list after {len(subject.steps)} generations, which ends the search",
    )


def check_candidates_are_numbered_through(subject: SchemeSubject) -> None:
    """Candidates are numbered from 0 without a gap, and know their generation."""
    expected = 0
    for generation, step in enumerate(subject.steps):
        ids = [candidate.id for candidate in step.candidates]
        expect(
            ids == list(range(expected, expected + len(ids))),
            f"generation {generation} has the ids {few(ids)}; the next ones were "
            f"{expected}, {expected + 1}, …",
        )
        expected += len(ids)
        wrong = {candidate.generation for candidate in step.candidates} - {generation}
        expect(not wrong, f"candidates of generation {generation} have generation = {few(wrong)}")


def check_parents_are_elites_or_members(subject: SchemeSubject) -> None:
    """A parent is an elite or a member when its child is bred, so that lineage has no gaps."""
    for generation, step in enumerate(subject.steps):
        parents = {parent for candidate in step.candidates for parent in candidate.parents}
        unknown = parents - step.known
        expect(
            not unknown,
            f"candidates of generation {generation} have the parents {few(unknown)}, which were "
            "neither elites nor listed by members(); breed from those",
        )
