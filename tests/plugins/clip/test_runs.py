"""Whole runs on small networks: one image for each text, and one for all."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from neatfool import open_run
from neatfool.cli import main

EXPERIMENT = """
[experiment]
name = {name}
generations = 4
seed = 1
[target]
plugin = clip
device = cpu
check_photographs = no
{target}
[encoding]
plugin = cppn
preset = patterns
[scheme]
{scheme}
"""
MAP_ELITES = "plugin = map_elites\nbatch = 10\ninitial = 20\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write an experiment, run it and verify its images."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, target: str, scheme: str = MAP_ELITES) -> None:
        text = EXPERIMENT.format(name=name, target=target, scheme=scheme)
        (tmp_path / "experiment.ini").write_text(text, encoding="utf-8")
        for arguments in (["run", "experiment.ini", "--no-report"], ["verify", f"runs/{name}-1"]):
            result = CliRunner().invoke(main, arguments, catch_exceptions=False)
            assert result.exit_code == 0, result.output

    return run


@pytest.mark.parametrize(
    "scheme", [MAP_ELITES + "learn = 0.5", "plugin = single_class\npopulation = 10"]
)
def test_other_ways_to_search_for_texts(run, open_clip_folder, scheme):
    target = (
        f"images = open_clip:local-dir:{open_clip_folder}\n"
        "texts = cat, dog\nagainst = fish, house, tree\ntemplates = a photo of a {}"
    )
    run("some", target, scheme)
    assert 0 < open_run("runs/some-1").elites[0].confidence <= 1
