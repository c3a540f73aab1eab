"""What a gallery of an objective's elites shows."""

import pytest
from commands import neatfool
from objectives import run_objective

from neatfool import open_run

pytestmark = pytest.mark.browser


def test_elites_are_chosen_by_their_scores_and_tell_their_measures(browser, tmp_path):
    folder = run_objective(tmp_path, "stripes")
    run = open_run(folder)
    assert neatfool("gallery", folder, "-o", tmp_path / "gallery").exit_code == 0
    browser.open((tmp_path / "gallery" / "index.html").as_uri())
    browser.wait("document.querySelectorAll('a.tile').length", 60)
    tiles = "document.querySelectorAll('a.tile').length"
    assert browser.do(tiles) == len(run)
    first = browser.do("document.querySelector('a.tile').innerText")
    assert run.spec.format_score(run.best().score) in first
    browser.do("least.value = least.max; least.dispatchEvent(new Event('input'))")
    assert browser.do(tiles) < len(run)
    browser.do("least.value = least.min; least.dispatchEvent(new Event('input'))")
    assert browser.do(tiles) == len(run)
    browser.do("document.querySelector('a.tile').click()")
    browser.wait("document.querySelector('#viewer .facts')", 60)
    words = browser.do("document.body.innerText + document.querySelector('#viewer').innerText")
    assert "brightness" in words
    assert "onfidence" not in words
    assert " %" not in words
