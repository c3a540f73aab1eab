"""How an audit searches where the file does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from neatfool import load_experiment
from neatfool.analysis import kind_of_search
from neatfool_plugins.audit.searching import plan

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.mark.parametrize("like", ["imagenet", "mnist"])
def test_a_file_with_only_a_target_is_searched_as_the_shipped_experiment_is(like, tmp_path):
    shipped = load_experiment(EXPERIMENTS / f"{like}.ini")
    file = tmp_path / "mine.ini"
    file.write_text(f"[target]\nplugin = {like}\n")
    search = plan(file, (), 12_000, (1,), None)
    assert search.folder == Path("runs/audit-mine")
    assert plan(file, (), 9, (1,), None, matched=0.9).folder == Path("runs/audit-mine-at-0.9")
    assert search.chosen == ("encoding", "scheme")
    assert kind_of_search(search.experiment.resolved()) == kind_of_search(shipped.resolved())


def test_audits_of_2400_images_and_more_begin_alike_and_smaller_ones_at_random_for_half(tmp_path):
    file = tmp_path / "mine.ini"
    file.write_text("[target]\nplugin = imagenet\n")
    begin = {
        images: plan(file, (), images, (1,), None).experiment.resolved()["scheme"]["initial"]
        for images in (500, 2_400, 12_000)
    }
    assert begin == {500: 250, 2_400: 1_200, 12_000: 1_200}
