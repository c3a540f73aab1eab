from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner
from commands import neatfool

from neatfool.present import Names


@click.command()
@click.option("--classes", type=Names(), default=())
def echo(classes: tuple[str, ...]) -> None:
    click.echo("|".join(classes))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("zebra, school bus", "zebra|school bus"),
        ('"tench, Tinca tinca",zebra', "tench, Tinca tinca|zebra"),
        ('zebra, "tench, Tinca tinca"', "zebra|tench, Tinca tinca"),
        ('école "q",</b>,=1', 'école "q"|</b>|=1'),
        ("a\nb,,c", "a b|c"),
        ("", ""),
    ],
)
def test_a_name_with_a_comma_stands_in_quotes(text, names):
    result = CliRunner().invoke(echo, ["--classes", text])
    assert (result.exit_code, result.stdout) == (0, f"{names}\n")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("ablate", "--csv"),
        ("ablate", "--html"),
        ("ancestry", "--csv"),
        ("ancestry", "--graph"),
        ("ancestry", "--html"),
        ("compare", "--csv"),
        ("detect", "--html"),
        ("survive", "--csv"),
        ("transfer", "--html"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(command, option, tmp_path):
    file = tmp_path / "absent" / "x.json"
    result = neatfool(command, "no-run", option, file)
    assert result.exit_code == 6
    assert f"{file}: cannot be written: its folder does not exist" in result.stderr


def test_neither_a_folder_nor_a_file_in_a_locked_folder_can_be_written(tmp_path, monkeypatch):
    assert neatfool("detect", "no-run", "--html", tmp_path).exit_code == 2
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = neatfool("detect", "no-run", "--html", tmp_path / "page.html")
    assert result.exit_code == 6
    assert "its folder is read-only" in result.stderr


@pytest.mark.parametrize("command", ["detect", "gallery", "watch"])
def test_a_file_in_place_of_a_run_is_called_a_file(command, tmp_path):
    (tmp_path / "card.json").touch()
    result = neatfool(command, tmp_path / "card.json")
    assert result.exit_code == 5
    assert "card.json: is a file; give folders of runs" in result.stderr
