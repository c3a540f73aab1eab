"""Experiment files checked without their plugins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neatfool.errors import ExperimentError, PluginError
from neatfool.experiment.check import validate_framework_only

TEXT = """\
[experiment]
generations = 3
[plugins]
path = mine.py
[target]
plugin = mine
anything = 1
  2
[scheme]
batch = ?
[OfMine]
x = "a b"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(text):
    Path("toy.ini").write_text(text)
    return validate_framework_only("toy.ini")


def test_nothing_is_imported_and_what_plugins_read_is_kept(tmp_path):
    Path("mine.py").write_text("raise SystemExit")
    before = set(sys.modules)
    text = check(TEXT)
    assert not [name for name in set(sys.modules) - before if "mine" in name]
    assert (
        text
        == f"""\
[experiment]
name = toy
generations = 3
seed = 1
checkpoint_every = 1
stall_after = 50

[plugins]
path = {tmp_path}/mine.py
observers =

[target]
plugin = mine
batch_size = auto
precision = auto
threads = auto
graph = fused
logit_temperature = 1.0
anything = 1
    2

[encoding]
plugin = cppn

[scheme]
plugin = map_elites
batch = ?

[OfMine]
x = "a b"
"""
    )


def test_what_it_gives_reads_as_the_same():
    text = check(TEXT)
    assert check(text) == text


def test_what_is_the_frameworks_is_checked():
    with pytest.raises(ExperimentError) as raised:
        check("[experimet]\n[experiment]\nseed = x\n[target]\nbatch_size = 0\n")
    assert [line.split(": ", 1)[1].split(";")[0] for line in str(raised.value).splitlines()] == [
        "[experimet]: unknown section",
        "[experiment] generations: missing",
        "[experiment] seed: must be a whole number, not 'x'",
        "[target] plugin: missing",
        "[target] batch_size: must be > 0 or 'auto', not '0'",
    ]


def test_a_plugin_that_is_nowhere_installed_is_told(distribute):
    distribute("birds", {"target.tit": "birds_gone", "encoding.egg": "m", "scheme.hunt": "m"})
    text = "[experiment]\nimages = 9\n[target]\nplugin = titt\n[encoding]\nplugin = egg\n"
    text += "[scheme]\nplugin = hunt\n"
    with pytest.raises(PluginError) as raised:
        check(text)
    assert str(raised.value) == (
        "toy.ini:4: [target] plugin: unknown target 'titt'; did you mean 'tit'?"
    )
    assert "plugin = tit\n" in check(text.replace("titt", "tit"))
