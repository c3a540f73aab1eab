"""Options of commands: what their help calls them, and what they take."""

from pathlib import Path

import click
from click.testing import CliRunner

from neatfool.present import FOLDER, Names, option


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
