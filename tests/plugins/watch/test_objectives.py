"""What the page of a run of an objective shows."""

import json

import pytest
from browser import needs_browser
from devtools import Browser
from objectives import run_objective
from watching import served

from neatfool import open_run
from neatfool_plugins.watch.feed import PageState, RunFeed

pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.mark.parametrize("name", ["calm", "stripes"])
def test_quartiles_are_those_of_the_niches_that_are_filled(tmp_path, name):
    folder = run_objective(tmp_path, name)
    news, _ = RunFeed(folder).news(PageState(), now=True)
    told = json.loads(news or b"{}")
    run = open_run(folder)
    last = dict(zip(told["about"]["columns"], told["points"][-1], strict=True))
    report = run.history[-1]
    found = [last[key] for key in ("lowest", "lower", "middle", "upper", "highest")]
    quartiles = report.lower_quartile, report.median, report.upper_quartile
    assert found == pytest.approx([report.minimum, *quartiles, run.best().score])
    assert (last["maximum"], last["filled"]) == (run.best().score, len(run))


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("name", ["calm", "stripes"])
def test_its_page_says_scores(tmp_path, name):
    folder = run_objective(tmp_path, name)
    run = open_run(folder)
    browser = Browser(tmp_path / "browser")
    try:
        with served(folder) as address:
            browser.open(address)
            browser.wait("document.querySelectorAll('#confidence polyline').length", 60)
            browser.do("document.querySelector('.cell:not(.empty)').click()")
            words = browser.do("document.body.innerText")
            charts = browser.do(
                "[...document.querySelectorAll('svg')].map((e) => e.innerHTML).join()"
            )
            labels = browser.do(
                "[...document.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel).join()"
            )
            levels = browser.do("[...document.querySelectorAll('.cell')].map((e) => e.title)")
    finally:
        browser.close()
    shown = "".join((words, charts, labels, *levels))
    assert "onfidence" not in shown
    assert "NaN" not in shown
    # Only shares of the time have per cent.
    assert " %" not in charts + labels + words.partition("Where the time goes")[0]
    assert f"best {float(f'{run.best().score:.4g}'):g}" in charts
    assert f"{len(run)} of {len(run.searched)}" in words
