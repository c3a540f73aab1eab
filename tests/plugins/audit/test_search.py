"""How an audit searches where the file does not say."""

from pathlib import Path

import pytest
from commands import write_experiment

from neatfool import load_experiment, open_scorer
from neatfool_plugins.audit import search as search_module
from neatfool_plugins.audit.measure import describe_search
from neatfool_plugins.audit.search import AuditSearch

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.mark.parametrize("like", [pytest.param("imagenet", marks=pytest.mark.slow), "mnist"])
def test_a_file_with_only_a_target_is_searched_as_the_shipped_experiment_is(like, tmp_path):
    shipped = load_experiment(EXPERIMENTS / f"{like}.ini")
    file = tmp_path / "mine.ini"
    file.write_text(f"[target]\nplugin = {like}\n")
    search = AuditSearch(file, (), 12_000, (1,), None)
    assert search.chosen == ("encoding", "scheme")
    assert describe_search(search.experiment.resolved()) == describe_search(shipped.resolved())


@pytest.mark.slow
def test_audits_of_2400_images_and_more_begin_alike_and_smaller_ones_at_random_for_half(tmp_path):
    file = tmp_path / "mine.ini"
    file.write_text("[target]\nplugin = imagenet\n")
    begin = {
        images: AuditSearch(file, (), images, (1,), None).experiment.resolved()["scheme"]["initial"]
        for images in (500, 2_400)
    }
    assert begin == {500: 250, 2_400: 1_200}


def test_the_target_is_loaded_once_also_for_a_longer_search(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        search_module, "open_scorer", lambda given: made.append(1) or open_scorer(given)
    )
    search = AuditSearch(write_experiment(tmp_path), (), 1000, (1, 2), tmp_path / "out")
    longer = search.longer(4000)
    assert len(made) == 1
    assert longer.folder == tmp_path / "out" / "longer"
    assert [each.experiment.general.images for each in (search, longer)] == [1000, 4000]
