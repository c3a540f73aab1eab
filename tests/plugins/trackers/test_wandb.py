"""A run goes on as the same run at its tracker, and no key is written anywhere."""

import json
import struct
import subprocess
import sys
import time

import pytest
from searches import follow

from neatfool import ExperimentError
from neatfool.testing import check_plugin
from neatfool_plugins.trackers.wandb import Options, WandbTracker

KEY = "0123456789abcdef" * 3


def records(file):
    """Read the records of a .wandb file: LevelDB's log format behind a header of seven bytes."""
    place, whole = 7, b""
    while place < len(file):
        if (left := 32768 - place % 32768) < 7:
            place += left
        length, kind = struct.unpack_from("<HB", file, place + 4)
        whole += file[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last of its parts
            yield whole
            whole = b""


@pytest.fixture
def wandb(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    return pytest.importorskip("wandb", reason="pip install 'neatfool[wandb]'")


@pytest.mark.slow
def test_wandb_offline_keeps_the_contract_of_observers(wandb):
    check_plugin("observer", lambda: WandbTracker(Options()))


@pytest.mark.slow
def test_wandb_has_each_generation_once_and_no_key_also_after_a_resume(wandb, tmp_path):
    from wandb.proto import wandb_internal_pb2

    follow(tmp_path / "toy", 3, WandbTracker(Options()))
    time.sleep(1)  # wandb names its folder by the second
    run = follow(tmp_path / "toy", 6, WandbTracker(Options()))
    steps, ids = [], set()
    for file in sorted((tmp_path / "toy" / "wandb").glob("offline-run-*/*.wandb")):
        for data in records(file.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(data)
            ids |= {record.run.run_id} - {""}
            if record.history.item:
                steps.append(record.history.step.num)
    assert steps == [report.evaluations for report in run.history]
    assert len(ids) == 1
    written = [file for file in (tmp_path / "toy").rglob("*") if file.is_file()]
    assert [file for file in written if KEY.encode() in file.read_bytes()] == []


@pytest.mark.slow
def test_wandb_follows_no_settings_of_the_working_folder(tmp_path):
    pytest.importorskip("wandb", reason="pip install 'neatfool[wandb]'")
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nentity = theirs\n")
    (tmp_path / "config-defaults.yaml").write_text("theirs: {value: 1}\n")
    program = (
        "import json, wandb\nfrom neatfool.testing import check_plugin\n"
        "from neatfool_plugins.trackers.wandb import Options, WandbTracker\n"
        "begun, init = [], wandb.init\n"
        "wandb.init = lambda **named: begun.append(init(**named)) or begun[-1]\n"
        "check_plugin('observer', lambda: WandbTracker(Options()))\n"
        "print(json.dumps([[run.settings.entity, 'theirs' in run.config] for run in begun]))"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found
    assert all(entry == [None, False] for entry in found)


def test_an_online_run_without_a_key_says_what_to_do(wandb, tmp_path, caplog, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setattr(type(wandb.api), "api_key", None, raising=False)
    run = follow(tmp_path / "toy", 2, WandbTracker(Options(mode="online")))
    assert run.generation == 1
    assert "run `wandb login`" in caplog.text


def test_a_library_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neatfool\[wandb\]'"):
        WandbTracker(Options())
