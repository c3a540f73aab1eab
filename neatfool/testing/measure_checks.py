"""The checks that every measure must pass, on two tiny runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final
from unittest import SkipTest

import click

from neatfool.errors import NeatfoolError, PluginError
from neatfool.plugin.manager import Observers
from neatfool.present.finding import Finding
from neatfool.present.measure_command import make_measure_command
from neatfool.testing.checking import FolderSubject
from neatfool.testing.toys import assemble_toys

GENERATIONS: Final = 4


class MeasureSubject(FolderSubject[Callable[..., Finding]]):
    """A measure under test, and two runs."""

    _refused = False

    @cached_property
    def runs(self) -> list[Path]:
        """The runs' folders."""
        from neatfool.evolution.session import start

        for seed in (1, 2):
            assembly = assemble_toys(self.folder, GENERATIONS, seed)
            start(assembly, self.folder / f"toy-{seed}").go(Observers({}))
        return sorted(self.folder.glob("toy-*"))

    def find(self) -> Finding:
        """Measure the runs, or the first if it takes one.

        Raises:
            SkipTest: It refuses runs like these.
        """
        if self._refused:
            raise SkipTest("there is no finding")
        command = make_measure_command("measure", self.made)
        several = [each.nargs < 0 for each in command.params if isinstance(each, click.Argument)]
        try:
            return self.made(*(self.runs if each else self.runs[0] for each in several))
        except PluginError:
            raise
        except NeatfoolError as error:
            self._refused = True
            raise SkipTest(f"it refuses the checks' tiny runs: {error}") from error

    @cached_property
    def finding(self) -> Finding:
        """What it finds."""
        return self.find()


def check_its_docstring_makes_a_command(subject: MeasureSubject) -> None:
    command = make_measure_command("measure", subject.made)
    assert command.help, "the docstring is empty; its first line is the command's help"


def check_finds_something_in_runs(subject: MeasureSubject) -> None:
    made: object = subject.finding
    kind = type(made).__name__
    assert isinstance(made, Finding), f"it gave a {kind}; return a neatfool.present.Finding"
    assert made.title and made.about, "title or about is empty; say what was looked at, and how"


def check_each_number_is_described(subject: MeasureSubject) -> None:
    schema = type(subject.finding).model_json_schema(mode="serialization")
    for model in (schema, *schema.get("$defs", {}).values()):
        for name, field in model.get("properties", {}).items():
            fault = f"{model['title']}.{name} has no description"
            described = "description" in field
            assert described, f"{fault}; write a docstring below it, which the reference shows"


def check_numbers_are_written_as_json(subject: MeasureSubject) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"its JSON has {name}, which JSON has not; give None in its place")

    json.loads(subject.finding.json(), parse_constant=refuse)


def check_records_have_a_value_for_each_head(subject: MeasureSubject) -> None:
    heads, rows = subject.finding.records()
    for row in rows:
        assert len(row) == len(heads), f"records() has {len(heads)} heads, and a row of {len(row)}"


def check_story_is_shown_on_terminal_and_page(subject: MeasureSubject) -> None:
    assert [*subject.finding.story()], "story() has no block; begin with a Headline"
    assert str(subject.finding).strip(), "a terminal shows nothing; begin with a Headline"
    assert subject.finding.html().startswith("<!"), "html() gave no page"


def check_same_runs_give_the_same_finding(subject: MeasureSubject) -> None:
    same = subject.find().json() == subject.finding.json()
    assert same, "the same runs, measured twice, differ; draw from a parameter seed"


def check_runs_are_left_alone(subject: MeasureSubject) -> None:
    before = [(run / "run.db").read_bytes() for run in subject.runs]
    subject.find()
    same = before == [(run / "run.db").read_bytes() for run in subject.runs]
    assert same, "it changed a run's database; keep results in a file of the run's folder"
