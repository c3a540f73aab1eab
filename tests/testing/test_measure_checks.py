"""Each check of a measure finds the fault that it is there for."""

import random
from collections.abc import Sequence
from contextlib import closing

import pytest
from pydantic import Field

import neatfool
from neatfool.measure import MultiRunResult, RunFacts
from neatfool.present import Headline, Records
from neatfool.testing import check_plugin, examine_plugin


class Counted(RunFacts):
    total: float = Field(description="the sum of its elites' confidences")


class Counts(MultiRunResult):
    about = "how sure the classifier is"
    runs: tuple[Counted, ...] = Field(description="each run")

    def story(self):
        for run in self.runs:
            yield Headline(f"{run.subject}: {run.total} in all")

    def records(self):
        return Records(["run", "total"], [(run.label, run.total) for run in self.runs])


def count(runs: Sequence[neatfool.Run | str], finding=Counts, total=None) -> Counts:
    counted = []
    with neatfool.open_runs(runs) as opened:
        for run in opened:
            found = sum(elite.confidence for elite in run.elites) if total is None else total()
            counted.append(Counted(**RunFacts.facts(run, run.elites), total=found))
    return finding(runs=counted)


def good(runs: Sequence[neatfool.Run | str]) -> Counts:
    """Add confidences.

    Args:
        runs: The runs.
    """
    return count(runs)


def of_one(run: neatfool.Run | str) -> Counts:
    """Add confidences.

    Args:
        run: The run.
    """
    return count([run])


@pytest.mark.parametrize("measure", [good, of_one])
def test_a_good_measure_passes(measure) -> None:
    check_plugin("measure", lambda: measure)


def test_a_measure_that_refuses_the_runs_is_checked_no_further() -> None:
    def refusing(runs: Sequence[str]):
        raise neatfool.ExperimentError("no audio")

    refusing.__doc__ = good.__doc__
    results = examine_plugin("measure", lambda: refusing)
    assert all(result.passed for result in results)
    (why,) = [result for result in results if result.name == "finds something in runs"]
    assert not why.applies
    assert "no audio" in why.message


def describe_nothing(runs: Sequence[str]):
    pass


class NoStory(Counts):
    def story(self):
        return iter(())


class Uneven(Counts):
    def records(self):
        return Records(["run"], [(1, 2)])


class Undescribed(Counts):
    more: int = 1


def write(runs):
    found = count(runs)
    for run in runs:
        with (run / "run.db").open("ab") as file:
            file.write(bytes(4096))
    return found


def close_without(runs):
    with closing(neatfool.open_run(runs[0])) as run:
        return len(run)


FAULTS = {
    "finding": (close_without, "return a neatfool.present.Finding"),
    "story": (lambda runs: count(runs, NoStory), "no block"),
    "records": (lambda runs: count(runs, Uneven), "1 heads, and a row of 2"),
    "described": (lambda runs: count(runs, Undescribed), "Undescribed.more has no description"),
    "json": (lambda runs: count(runs, total=lambda: float("inf")), "JSON has Infinity"),
    "chance": (lambda runs: count(runs, total=random.random), "measured twice, differ"),
    "left alone": (write, "changed a run's database"),
}


@pytest.mark.parametrize(("body", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_said(body, said) -> None:
    def spoilt(runs: Sequence[str]):
        return body(runs)

    spoilt.__doc__ = good.__doc__
    with pytest.raises(AssertionError, match=said):
        check_plugin("measure", lambda: spoilt)


def test_a_measure_without_descriptions_is_said() -> None:
    with pytest.raises(AssertionError, match="needs a type, and a description"):
        check_plugin("measure", lambda: describe_nothing)
