"""What a run that somebody else made may do: nothing before a yes, and some things never."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import click
import pytest
from commands import neatfool
from damage import forge
from faulty_server import FaultyServer

from neatfool import RunError, UntrustedRun, open_run, open_scorer

EVIL = """\
from pathlib import Path
from neatfool import hookimpl

Path(__file__).with_name("was-here").touch()

@hookimpl
def neatfool_register_targets(register):
    pass
"""


@pytest.fixture
def theirs(finished, tmp_path, monkeypatch):
    """Give a run that somebody else made: this user has another key."""
    copy = shutil.copytree(finished, tmp_path / "theirs")
    monkeypatch.setenv("NEATFOOL_CONFIG", str(tmp_path / "config"))
    return copy


def record(folder, section, **keys):
    """Change what a run's experiment says, as whoever made it can."""
    experiment = dict(open_run(folder).experiment)
    experiment[section] = keys if "plugin" in keys else {**experiment[section], **keys}
    text = json.dumps(experiment).replace("'", "''")
    forge(folder, f"UPDATE info SET value = '{text}' WHERE key = 'experiment'")


def test_ones_own_run_is_verified_without_a_question(copy):
    assert neatfool("verify", copy).exit_code == 0


def test_a_run_that_somebody_changed_is_no_longer_ones_own(copy):
    forge(copy, "UPDATE elite SET score = 0.5 WHERE class = 0")
    assert neatfool("verify", copy).exit_code == 5
    assert not open_run(copy).own


@pytest.mark.parametrize("command", ["verify", "resume", "survive"])
def test_nothing_is_loaded_for_a_strangers_run_before_a_yes(theirs, tmp_path, command):
    (tmp_path / "evil.py").write_text(EVIL)
    record(theirs, "plugins", path=[str(tmp_path / "evil.py")], observers=[])
    result = neatfool(command, theirs, exit_code=5)
    assert "another user or machine made this run" in result.stderr
    assert f"runs the Python file '{tmp_path / 'evil.py'}'" in result.stderr
    assert "add --trust" in result.stderr
    assert not (tmp_path / "was-here").exists()


@pytest.mark.parametrize("command", ["verify", "resume", "survive"])
def test_nothing_is_loaded_for_a_strangers_run_of_python_either(theirs, tmp_path, command):
    (tmp_path / "evil.py").write_text(EVIL)
    record(theirs, "plugins", path=[str(tmp_path / "evil.py")], observers=[])
    record(theirs, "target", plugin="python")
    assert neatfool(command, theirs).exit_code != 0
    assert not (tmp_path / "was-here").exists()


def test_with_a_yes_a_strangers_run_is_verified_and_stays_theirs(theirs):
    assert neatfool("verify", theirs, "--trust").exit_code == 0
    assert neatfool("verify", theirs).exit_code == 5


def test_a_run_that_is_resumed_with_a_yes_is_ones_own_from_then_on(theirs):
    assert neatfool("resume", theirs, "--trust", "--generations", 10, "--no-report").exit_code == 0
    assert neatfool("verify", theirs).exit_code == 0


def test_a_trigger_of_a_strangers_run_does_not_run(theirs):
    # SQLite makes nothing of such a name itself, but reads it.
    harmful = "CREATE TRIGGER sqlite_x AFTER INSERT ON generation BEGIN DELETE FROM info; END"
    with closing(sqlite3.connect(theirs / "run.db", isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        row = "VALUES ('trigger', 'sqlite_x', 'generation', 0, ?)"
        database.execute(f"INSERT INTO sqlite_schema {row}", [harmful])
    result = neatfool("resume", theirs, "--trust", "--generations", 10, "--no-report", exit_code=5)
    assert "its tables are not those of a run: sqlite_x" in result.stderr


def test_a_user_at_a_terminal_is_asked(theirs, monkeypatch):
    monkeypatch.setattr("neatfool.cli.main_group._has_terminal", lambda: True)
    asked = []

    def answer(text, **_):
        asked.append(text)
        return len(asked) > 1

    monkeypatch.setattr(click, "confirm", answer)
    refused = neatfool("verify", theirs)
    assert (refused.exit_code, "uses the target 'patches'" in refused.stderr) == (5, True)
    assert neatfool("verify", theirs).exit_code == 0
    assert asked == ["Do you agree?"] * 2


def test_in_python_trust_is_an_argument(theirs):
    with pytest.raises(UntrustedRun, match="another user or machine"):
        open_run(theirs).verify()
    with pytest.raises(UntrustedRun):
        open_scorer(theirs)
    assert not open_run(theirs, trust=True).verify().wrong


@pytest.mark.parametrize("kind", ["export", "torchscript"])
def test_a_file_that_can_run_code_is_never_loaded_for_a_strangers_run(theirs, tmp_path, kind):
    file = tmp_path / "net.pt2"
    file.write_bytes(b"code")
    record(theirs, "target", plugin="imagenet", model=f"{kind}:{file}")
    for arguments in ((), ("--trust",)):
        result = neatfool("verify", theirs, *arguments, exit_code=5)
        assert f"never\n  runs the code of '{kind}:{file}' ([target] model)" in result.stderr
    with pytest.raises(UntrustedRun):
        open_run(theirs, trust=True).verify()


def test_a_key_never_goes_to_an_address_out_of_a_record(theirs, monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret-of-mine")
    with FaultyServer() as server:
        record(theirs, "target", plugin="http", url=server.url, api_key_env="MY_KEY")
        for arguments in ((), ("--trust",)):
            result = neatfool("verify", theirs, *arguments, exit_code=5)
            assert "never\n  sends the key 'MY_KEY'" in result.stderr
        assert not server.seen


def test_a_file_never_goes_to_an_address_out_of_a_record_as_names(theirs, tmp_path):
    (tmp_path / "key").write_text("secret\nof mine\n")
    with FaultyServer() as server:
        keys = {"url": server.url, "classes": [f"@{tmp_path / 'key'}"]}
        record(theirs, "target", plugin="http", **keys, scores_at="a", body={"n": "{classes}"})
        result = neatfool("verify", theirs, "--trust")
        assert f"never\n  takes names out of the file '@{tmp_path / 'key'}'" in result.stderr
        assert not server.seen


def test_a_key_of_wandb_is_never_used_because_a_record_says_so(theirs):
    record(theirs, "plugins", path=[], observers=["wandb"])
    experiment = {**open_run(theirs).experiment, "wandb": {"mode": "online"}}
    forge(theirs, f"UPDATE info SET value = '{json.dumps(experiment)}' WHERE key = 'experiment'")
    result = neatfool("resume", theirs, "--trust", "--generations", 10)
    assert "never\n  sends the key 'online' ([wandb] mode)" in result.stderr


def test_an_address_out_of_a_record_is_asked_only_after_a_yes(theirs):
    with FaultyServer() as server:
        record(theirs, "target", plugin="http", url=server.url)
        result = neatfool("verify", theirs)
        assert (result.exit_code, server.seen) == (5, [])
        assert f"contacts '{server.url}' ([target] url)" in result.stderr


def test_a_strangers_scheduler_and_experiment_file_are_never_used(theirs, tmp_path):
    record(theirs, "engine", plugin="dask", scheduler="tcp://10.0.0.1:8786")
    result = neatfool("resume", theirs, "--trust", "--generations", 10)
    assert "runs the code of 'tcp://10.0.0.1:8786' ([engine] scheduler)" in result.stderr
    file = tmp_path / "evil.ini"
    file.touch()
    record(theirs, "target", plugin="guarded", guards=str(file))
    result = neatfool("verify", theirs, "--trust")
    assert f"runs the code of '{file}' ([target] guards)" in result.stderr


def test_what_to_do_instead_is_something_that_the_commands_have(theirs, tmp_path):
    record(theirs, "target", plugin="guarded", guards=str(tmp_path / "evil.ini"))
    result = neatfool("transfer", theirs)
    *_, advice = result.stderr.splitlines()
    assert "run it anew: `neatfool run FILE`" in advice
    assert "`neatfool verify RUN --target FILE`; survive and ablate take --target" in advice
    for command in ("verify", "survive", "ablate"):
        assert "--target" in neatfool(command, "--help").output


def test_an_experiment_file_of_ones_own_scores_a_strangers_run(theirs, experiment):
    assert neatfool("verify", theirs, "--target", experiment).exit_code == 0


def test_reading_a_strangers_run_loads_no_target_and_asks_nothing(theirs, tmp_path):
    (tmp_path / "evil.py").write_text(EVIL)
    record(theirs, "plugins", path=[str(tmp_path / "evil.py")], observers=["evil"])
    record(theirs, "target", plugin="imagenet", model=f"export:{tmp_path / 'net.pt2'}")
    for command in (
        ("show", theirs),
        ("report", theirs),
        ("render", theirs, "bright", "-o", tmp_path / "x.png"),
        ("graph", theirs, "bright", "-o", tmp_path / "x.svg"),
        ("gallery", theirs, "--out", tmp_path / "gallery"),
        ("ancestry", theirs),
        ("compare", theirs),
        ("runs", theirs),
    ):
        result = neatfool(*command)
        assert result.exit_code == 0, (command, result.output)
    assert not (tmp_path / "was-here").exists()


def test_an_encoding_out_of_a_strangers_python_file_needs_a_yes(theirs, tmp_path):
    (tmp_path / "evil.py").write_text(EVIL)
    record(theirs, "plugins", path=[str(tmp_path / "evil.py")], observers=[])
    record(theirs, "encoding", plugin="evil")
    assert neatfool("render", theirs, "bright").exit_code == 5
    assert not (tmp_path / "was-here").exists()


def test_a_run_is_nobodys_where_the_users_key_cannot_be_kept(finished, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEATFOOL_CONFIG", str(tmp_path / "file" / "config"))
    with pytest.raises(RunError, match="another user or machine"):
        open_run(finished).verify()


def test_the_key_is_made_once_and_only_its_user_can_read_it(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("NEATFOOL_CONFIG", str(tmp_path / "config"))
    assert not open_run(finished).own
    key = tmp_path / "config" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert not open_run(finished).own
    assert key.read_bytes() == before


@pytest.mark.parametrize("target", [{"plugin": '"imagenet"'}, {"plugin": "imagenet"}])
def test_quotes_round_a_plugins_name_hide_nothing(theirs, tmp_path, target):
    (tmp_path / "net.pt2").write_bytes(b"code")
    record(theirs, "target", **target, model=f"torchscript:{tmp_path / 'net.pt2'}")
    result = neatfool("verify", theirs, "--trust")
    assert result.exit_code in {3, 5}
    assert "never\n  runs the code" in result.stderr or "unknown target" in result.stderr
    assert "PytorchStreamReader" not in result.stderr


def test_a_section_without_a_plugin_is_its_kinds_usual_one(theirs):
    experiment = {**open_run(theirs).experiment, "engine": {"scheduler": "tcp://10.0.0.1:8786"}}
    text = json.dumps(experiment).replace("'", "''")
    forge(theirs, f"UPDATE info SET value = '{text}' WHERE key = 'experiment'")
    result = neatfool("resume", theirs, "--trust", "--generations", 10)
    assert "runs the code of 'tcp://10.0.0.1:8786' ([engine] scheduler)" in result.stderr


def test_what_matters_stays_in_sight_of_a_long_list(theirs, tmp_path):
    record(theirs, "plugins", path=[str(tmp_path / "evil.py")], observers=[])
    record(theirs, "target", plugin="nobodys", **{f"key{n}": "x" for n in range(4000)})
    lines = neatfool("verify", theirs).stderr.splitlines()
    assert len(lines) < 25
    assert "runs the Python file" in lines[-2]
    assert any("more settings" in line for line in lines)


def test_a_network_out_of_a_record_stays_in_sight_too(theirs):
    networks = [*["efficientnet-lite0"] * 20, "timm:hf-hub:some/one"]
    record(theirs, "target", plugin="imagenet", ensemble=networks)
    assert "loads 'timm:hf-hub:some/one' ([target] ensemble)" in neatfool("verify", theirs).stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize(
    ("name", "command", "code"),
    [
        ("run.db-journal", "show", 5),
        ("survival.json", "report", 0),
        ("survival.json", "gallery", 0),
        ("images/0-dark.png", "verify", 7),
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_in_a_folder_are_not_read(theirs, name, command, code, kind):
    (theirs / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(theirs / name)
    else:
        (theirs / name).symlink_to("/dev/zero")
    result = neatfool(command, theirs, *(["--trust"] if command == "verify" else []))
    assert result.exit_code in {code, 6}, result.output
    assert "bug" not in result.output


def test_a_link_to_a_file_elsewhere_does_not_come_into_the_report(theirs, tmp_path):
    finding = {"report": {"title": "SECRET", "text": "", "bars": []}}
    (tmp_path / "outside.json").write_text(json.dumps(finding))
    (theirs / "x.json").symlink_to(tmp_path / "outside.json")
    assert neatfool("report", theirs).exit_code == 0
    assert "SECRET" not in (theirs / "report.html").read_text("utf-8")


def test_an_image_in_a_strangers_record_is_read_as_png_only(theirs, tmp_path):
    # Pillow has Ghostscript run what is PostScript.
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
    forge(theirs, f"UPDATE image SET png = x'{script.hex()}'")
    for small in ((), ("--small",)):
        result = neatfool("gallery", theirs, "--out", tmp_path / "gallery", *small, exit_code=5)
        assert "it is no PNG" in result.stderr
