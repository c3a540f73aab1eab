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


def test_an_image_for_all_texts_can_begin_with_those_for_each(
    run, quantised_file, vectors_file
) -> None:
    target = f"images = onnx:{quantised_file}\nvectors = {vectors_file}\n"
    run("each", target)
    run("all", target + "texts = cat, dog\naggregate = all", MAP_ELITES + "seed_from = runs/each-1")
    assert len(open_run("runs/each-1").elites) == 5
    assert [elite.name for elite in open_run("runs/all-1").elites] == ["all 2 texts"]


@pytest.mark.parametrize(
    "scheme", [MAP_ELITES + "learn = 0.5", "plugin = single_class\npopulation = 10"]
)
def test_other_ways_to_search_for_all_texts(run, open_clip_folder, scheme) -> None:
    target = (
        f"images = open_clip:local-dir:{open_clip_folder}\n"
        "texts = cat, dog\nagainst = fish, house, tree\ntemplates = a photo of a {}\n"
        "aggregate = all"
    )
    run("all", target, scheme)
    assert 0 < open_run("runs/all-1").elites[0].confidence <= 1
