"""The command line as a whole: its commands, those of plugins, and what errors look like."""

import errno
import gc
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner
from rich.table import Table

import neatfool
from neatfool import errors
from neatfool.cli import main
from neatfool.cli.main_group import COMMANDS, GROUPS, MainGroup
from neatfool.errors import INTERRUPTED, NeatfoolError, RunError, VerificationError
from neatfool.machine import THRESHOLDS
from neatfool.present import output
from neatfool.present.output import Output

COMMAND = """
import click
from neatfool import hookimpl

@hookimpl
def neatfool_add_commands(cli):
    @cli.command()
    def {name}():
        "Sing a song."
        click.echo("{name}!")
"""


def run(*args, group=None, **settings):
    # A group of its own: the one of the program keeps the plugins that it has found.
    fresh = group or MainGroup(main.name, callback=main.callback, params=main.params)
    return CliRunner().invoke(fresh, args, **settings)


def group_of(command):
    return MainGroup(
        "neatfool",
        commands={command.name: command},
        callback=main.callback,
        params=main.params,
    )


def failing(error):
    def fail():
        raise error

    return group_of(click.Command("fail", callback=fail))


def test_a_command_seldom_waits_for_pythons_search_for_cycles(usual_thresholds):
    seen = []
    look = click.Command("look", callback=lambda: seen.append(gc.get_threshold()[0]))
    assert run("look", group=group_of(look)).exit_code == 0
    assert seen == [THRESHOLDS[0]]
    assert gc.get_threshold() == usual_thresholds


def test_help_lists_commands_by_groups():
    result = run("--help")
    assert result.exit_code == 0
    listed = {
        block.split(":\n")[0]: [line.split()[0] for line in block.splitlines()[1:]]
        for block in result.output.split("\n\n")
    }
    assert [group for group in listed if group in GROUPS] == [*GROUPS]
    assert {*COMMANDS} <= {name for group in GROUPS for name in listed[group]}
    assert listed["Search"][:2] == ["run", "resume"]
    assert {"survive", "transfer"} < {*listed["Measure"]}


@pytest.mark.parametrize(
    "name",
    [
        *(name for names in GROUPS.values() for name in names),
        "plugins list",
        "plugins check",
        "plugins new",
    ],
)
def test_each_command_has_help_with_an_example(name):
    result = run(*name.split(), "--help")
    assert result.exit_code == 0, result.output
    assert f"  neatfool {name}" in result.output


def test_the_version_is_told():
    assert run("--version").output == f"neatfool, version {neatfool.__version__}\n"


@pytest.mark.parametrize(
    ("before", "begun", "offered"),
    [
        ([], "re", ["resume", "report", "render", "recognise", "retrain"]),
        (["plugins"], "", ["check", "install", "list", "new", "show"]),
        (["run"], "--seed", ["--seed", "--seeds"]),
        (["plugins", "new"], "t", ["target"]),
    ],
)
def test_a_shell_can_complete_it(before, begun, offered):
    shell = BashComplete(main, {}, "neatfool", "_NEATFOOL_COMPLETE")
    assert [item.value for item in shell.get_completions(before, begun)] == offered


def test_an_unknown_command_is_told_with_those_near():
    result = run("valdate")
    assert result.exit_code == 2
    assert "unknown command 'valdate'; did you mean 'validate'" in result.stderr


# the commands of plugins


def test_a_plugins_command_is_listed_and_runs(distribute):
    distribute("birds", {"command.sing": "birds_m"}, {"birds_m": COMMAND.format(name="sing")})
    assert re.search(r"sing +Sing a song\.", run("--help").output)
    assert run("sing").output == "sing!\n"


def test_a_command_need_not_have_its_plugins_name(distribute):
    distribute("birds", {"command.birds": "birds_m"}, {"birds_m": COMMAND.format(name="sing")})
    assert run("sing").output == "sing!\n"


def test_a_broken_one_is_listed_as_broken_and_an_error_when_used(distribute):
    distribute("birds", {"command.sing": "birds_gone"})
    listed = run("--help")
    assert listed.exit_code == 0
    assert "(broken: command 'sing' (birds 1.2, birds_gone)" in " ".join(listed.output.split())
    used = run("sing", "--loud")
    assert used.exit_code == 3
    assert used.stderr == (
        "error: command 'sing' (birds 1.2, birds_gone): cannot be imported: "
        "ModuleNotFoundError: No module named 'birds_gone'\n"
    )


def test_a_plugin_is_imported_for_its_own_commands_only(distribute):
    distribute("birds", {"command.sing": "birds_m"}, {"birds_m": COMMAND.format(name="sing")})
    run("validate", "nowhere.ini")
    assert "birds_m" not in sys.modules
    run("sing")
    assert "birds_m" in sys.modules


def test_neatfools_own_command_comes_before_a_plugins(distribute):
    distribute("birds", {"command.show": "birds_m"}, {"birds_m": COMMAND.format(name="show")})
    assert "RUN" in run("show", "--help").output


# errors


def test_help_lists_every_exit_code():
    listed = {*re.findall(r"\d+", main.epilog.partition("Exit codes:")[2])}
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {str(each.exit_code) for each in kinds if issubclass(each, NeatfoolError)}
    too_easily_fooled = "9"
    assert codes | {"0", str(INTERRUPTED), too_easily_fooled} == listed


@pytest.mark.parametrize("error", [RunError("x: in use; wait"), VerificationError("2 wrong")])
def test_an_error_is_a_message_and_an_exit_code(error):
    result = run("fail", group=failing(error))
    assert result.stderr == f"error: {error}\n"
    assert result.exit_code == error.exit_code


@pytest.mark.parametrize(
    ("option", "variables"), [(["--debug"], {}), ([], {"NEATFOOL_DEBUG": "1"})]
)
def test_debugging_shows_the_traceback_too(option, variables):
    result = run(*option, "fail", group=failing(RunError("x: in use; wait")), env=variables)
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: x: in use; wait\n")
    assert result.exit_code == RunError.exit_code


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.EIO]
)
def test_a_disk_that_cannot_be_written_is_no_bug(code):
    result = run("fail", group=failing(OSError(code, "The reason", "some/file")))
    assert result.stderr.startswith("error: some/file: The reason; ")
    assert result.exit_code == 6


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("libx.so: failed to map segment from shared object")]
)
def test_too_little_memory_is_no_bug(error):
    result = run("fail", group=failing(error))
    assert result.stderr.startswith("error: out of memory; use a smaller batch or image")
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "words",
    [["--nonsense"], ["nonsense"], ["run"], ["run", "--nonsense"], ["run", "x", "--seed", "-1"]],
)
def test_a_wrong_word_on_the_command_line_is_told_as_any_error_is(words):
    result = run(*words)
    assert result.exit_code == 2
    assert "\nerror: " in result.stderr
    assert "Error:" not in result.stderr


def test_an_option_is_told_without_its_control_characters():
    assert "No such option '--\\x1b[31m'" in run("run", "--\x1b[31m").stderr


def test_output_shows_control_characters_and_obeys_none(capsys):
    table = Table()
    table.add_row("\x1b[31mred\x07")
    Output().print("\x9b31m[bold]x[/]\n", table)
    printed = capsys.readouterr().out
    assert "\\x9b31mx\n" in printed
    assert "\\x1b[31mred\\x07" in printed


def test_anything_else_is_told_in_one_line():
    result = run("fail", group=failing(KeyError("oops\nand more")))
    assert result.stderr.count("\n") == 1
    assert ": KeyError: " in result.stderr
    assert "neatfool --debug" in result.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=["here", "asked"])
def test_ctrl_c_is_told(error):
    result = run("fail", group=failing(error))
    assert result.stderr.strip() == "Interrupted."
    assert result.exit_code == 130


def test_ctrl_c_is_told_when_a_command_has_ended():
    group = group_of(click.Command("sing", callback=lambda: None))

    def leave():
        raise KeyboardInterrupt

    group.callback = lambda **options: click.get_current_context().call_on_close(leave)
    result = run("sing", group=group)
    assert result.stderr.strip() == "Interrupted."
    assert result.exit_code == 130


def test_ctrl_c_is_told_while_the_command_line_is_imported(tmp_path):
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    answer = subprocess.run(
        [sys.executable, "-m", "neatfool"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (130, "Interrupted.\n")


def test_ctrl_c_while_python_ends_shows_no_traceback():
    code = (
        "import atexit, signal, sys; atexit.register(signal.raise_signal, signal.SIGINT);"
        "sys.argv[1:] = ['--version']; from neatfool.__main__ import main; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["plugins", "list", "--json"]])
def test_output_that_cannot_be_written_is_told_in_one_line(words):
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "neatfool", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert answer.stderr.startswith("error: cannot write: No space left on device; free some")
    assert answer.stderr.count("\n") == 1
    assert answer.returncode == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(("word", "code"), [("--help", 6), ("nonsense", 2)])
def test_the_exit_code_is_right_where_no_message_can_be_written(word, code):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "neatfool", word]
        answer = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert answer.returncode == code


def test_a_reader_that_went_away_is_no_error():
    result = run("fail", group=failing(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    assert result.output == ""
    assert result.exit_code == 0


@pytest.mark.parametrize("words", ["list", "list --json", "show mnist"])
def test_a_closed_pipe_ends_a_command_in_silence(words):
    program = f"{sys.executable} -m neatfool plugins {words} | true; exit ${{PIPESTATUS[0]}}"
    answer = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_progress_is_told_in_plain_lines_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(output, "SECONDS_BETWEEN_LINES", -1)
    with Output(stderr=True).progress(4000) as note:
        note("[as] saved", 1000)
        note("[as] saved", 3000)
    assert capsys.readouterr().err == "[as] saved: 1,000 of 4,000 images\n"


def test_progress_tells_the_time_left_once_it_is_steady(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(output, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = []
    for steps in (1, 2, 3):
        with Output(stderr=True).progress(7000) as note:
            for seconds in (60, 10, 10)[:steps]:
                clock.now += seconds
                note("jpeg", 1000)
        words = re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", capsys.readouterr().err).split()
        said.append(" ".join(words))
    assert [text[-9:] for text in said] == ["compiling", "compiling", "40 s left"]
