import os

import click
import pytest
from click.testing import CliRunner
from commands import neatfool, write_experiment

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
        ("ancestry", "--html"),
        ("compare", "--csv"),
        ("detect", "--html"),
        ("survive", "--csv"),
        ("transfer", "--html"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(command, option, tmp_path):
    file = tmp_path / "absent" / "x.json"
    result = neatfool(command, "no-run", option, file, exit_code=6)
    assert f"{file}: cannot be written: its folder does not exist" in result.stderr


def test_neither_a_folder_nor_a_file_in_a_locked_folder_can_be_written(tmp_path, monkeypatch):
    assert neatfool("detect", "no-run", "--html", tmp_path).exit_code == 2
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = neatfool("detect", "no-run", "--html", tmp_path / "page.html", exit_code=6)
    assert "its folder is read-only" in result.stderr


@pytest.mark.parametrize("command", ["detect", "gallery", "watch"])
def test_a_file_in_place_of_a_run_is_called_a_file(command, tmp_path):
    (tmp_path / "card.json").touch()
    result = neatfool(command, tmp_path / "card.json", exit_code=5)
    assert "card.json: is a file; give the folder of a run" in result.stderr


CHIRP = """
import click, neatfool

OPTIONS = [
    click.Option(["--chirp"], is_flag=True, help="Hear the run."),
    click.Option(["--pitch"], type=int),
]

@neatfool.hookimpl
def neatfool_run_finished(run, outcome):
    print("chirp", click.get_current_context().params["pitch"], outcome.reason)
"""


@pytest.fixture
def chirping(distribute):
    distribute("birds", {"observer.chirp": "birds_chirp"}, {"birds_chirp": CHIRP})
    distribute("songs", {"chirp": "birds_chirp:OPTIONS"}, group="neatfool.options")


@pytest.mark.usefixtures("chirping")
def test_an_observer_has_options_of_its_own_and_follows_the_run_if_one_is_given(tmp_path):
    for command in ("run", "resume"):
        assert "--chirp  " in neatfool(command, "--help").output
    run = "run", write_experiment(tmp_path), "--no-report", "--out"
    assert "chirp 3 finished" in neatfool(*run, tmp_path / "heard", "--pitch", "3").output
    assert "chirp" not in neatfool(*run, tmp_path / "unheard").output
    result = neatfool(*run, tmp_path / "several", "--seeds", "1-2", "--chirp")
    assert (result.exit_code, "--chirp is for one run" in result.stderr) == (2, True)


def test_options_that_cannot_be_loaded_are_said_and_break_no_command(distribute, caplog):
    distribute("birds", {"chirp": "no_such_module:OPTIONS"}, group="neatfool.options")
    assert neatfool("run", "--help").exit_code == 0
    assert "options of the observer 'chirp' (no_such_module:OPTIONS): No module" in caplog.text
