"""A measure's command, made from its signature and its docstring."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import click
import pytest
from click.testing import CliRunner

from neatfool import PluginError, present
from neatfool.present import FOLDER, Names, option


class Echo(present.Finding):
    about = "what was given"
    given: dict[str, str]

    @property
    def title(self):
        return "echo"

    def story(self):
        yield present.Headline(f"{len(self.given)} given")

    def records(self):
        return present.Records(["name", "value"], [*self.given.items()])


def echo(
    runs: str | Path | Sequence[str | Path],
    *,
    kinds: Sequence[str] = (),
    steps: int = 3,
    span: Annotated[float, "S", present.FiniteRange(0, 1)] = 0.5,
    quickly: bool = False,
    table: Path | None = None,
    to: Sequence[str | Path] = (),
    console: present.Output | None = None,
) -> Echo:
    """Say what was given.

    More about it.

    Args:
        runs: The runs.
        kinds: The kinds
            of things.
        steps: How many steps.
        span: How far.
        quickly: Be quick.
        table: A table.
        to: Where to; repeat it.
        console: Shows how far it is.

    Examples:
        neatfool echo a b
    """
    values = {"runs": runs, "kinds": kinds, "steps": steps, "span": span, "quickly": quickly}
    values |= {"table": table, "to": to, "console": console is not None}
    return Echo(given={name: str(value) for name, value in values.items()})


COMMAND = present.make_measure_command("echo", echo)


def run(*args):
    return CliRunner().invoke(COMMAND, args)


def test_help_is_the_docstring():
    text = run("--help").output
    assert "Say what was given." in text
    assert "The kinds of things." in text
    assert "[default: 3; x>=1]" in " ".join(text.split())
    assert "--span S" in text
    assert "neatfool echo a b" in text
    assert "Args" not in text
    assert "--console" not in text


def test_values_have_the_types_of_the_signature():
    found = Echo.model_validate_json(
        run(
            *("a", "b", "--kinds", "x, y", "--steps", "7", "--span", "0.25", "--quickly"),
            *("--to", "c", "--to", "d", "--json"),
        ).stdout
    ).given
    assert found == {
        "runs": str((Path("a"), Path("b"))),
        "kinds": "('x', 'y')",
        "steps": "7",
        "span": "0.25",
        "quickly": "True",
        "table": "None",
        "to": str((Path("c"), Path("d"))),
        "console": "True",
    }


@pytest.mark.parametrize("wrong", [("--steps", "0"), ("--span", "2"), ("--span", "nan")])
def test_a_value_outside_its_range_is_refused(wrong):
    assert run("a", *wrong).exit_code == 2


def test_a_parameter_without_a_description_is_named():
    def bare(runs: str, *, depth: int = 1) -> Echo:
        """Say nothing.

        Args:
            runs: The runs.
        """

    with pytest.raises(PluginError, match="command 'bare': its parameter 'depth'"):
        present.make_measure_command("bare", bare)


def test_csv_and_page_are_written(tmp_path):
    csv, page = tmp_path / "echo.csv", tmp_path / "echo.html"
    assert run("a", "--csv", str(csv), "--html", str(page)).exit_code == 0
    assert csv.read_text().startswith("name,value\n")
    assert "given" in page.read_text()


def test_one_file_for_both_is_refused_before_anything_is_measured(tmp_path):
    both = str(tmp_path / "both")
    result = run("a", "--csv", both, "--html", both)
    assert result.exit_code == 2
    assert not Path(both).exists()


def test_a_function_becomes_a_command_with_arguments_that_may_be_left_out():
    @present.make_command
    def greet(
        whom: Annotated[str, "[WHOM]"] = "world",
        *,
        words: Annotated[Sequence[str], "-w, --word TEXT", click.STRING] = (),
        as_json: Annotated[bool, "--json"] = False,
    ) -> None:
        """Greet somebody.

        Args:
            whom: Whom.
            words: A word; repeat it.
            as_json: Print JSON.
        """
        click.echo(f"{whom} {words} {as_json}")

    def output(*given: str) -> str:
        return CliRunner().invoke(greet, given).output.strip()

    assert output() == "world () False"
    assert output("moon", "-w", "a, b", "--word", "c", "--json") == "moon ('a, b', 'c') True"
    assert "Greet somebody." in output("--help")


def ask(made, *arguments):
    @click.command
    @made
    def command(**values):
        click.echo(repr(values))

    return CliRunner().invoke(command, arguments)


def test_an_option_that_takes_nothing_is_a_flag():
    sharp = option("--sharp", "Leave out the blur.", into="is_sharp")
    assert ask(sharp).output == "{'is_sharp': False}\n"
    assert ask(sharp, "--sharp").output == "{'is_sharp': True}\n"


def test_n_is_a_whole_number_from_one_on_and_its_default_is_shown():
    size = option("--size N", "Pixels.", default=7)
    assert ask(size).output == "{'size': 7}\n"
    assert ask(size, "--size", "0").exit_code == 2
    assert "--size N  Pixels.  [default: 7; x>=1]" in ask(size, "--help").output


def test_any_other_word_is_a_path_unless_a_type_is_given():
    out = option("-o, --out FILE", "Where.")
    assert ask(out, "-o", "a.png").output == f"{{'out': {Path('a.png')!r}}}\n"
    assert "-o, --out FILE  Where." in ask(out, "--help").output
    missing = option("--data DIR", "Where.", FOLDER)
    assert "does not exist" in ask(missing, "--data", "nowhere").output
    names = option("--classes A,B", "Which.", Names(), ())
    assert ask(names).output == "{'classes': ()}\n"
    assert ask(names, "--classes", "a,b").output == "{'classes': ('a', 'b')}\n"
    assert "default" not in ask(names, "--help").output
