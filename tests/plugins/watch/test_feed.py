"""What a page is told of a run."""

import json
import math
import shutil
import sqlite3
from contextlib import closing

import pytest
from commands import CLASSES, neatfool, write_experiment
from objectives import run_objective
from watching import search, served

from neatfool import RunError, open_run
from neatfool_plugins.watch import feed as reading
from neatfool_plugins.watch.feed import PageState, RunFeed


def column(news, name, about):
    place = about["columns"].index(name)
    return [point[place] for point in news["points"]]


def test_each_generation_is_told_once_and_in_order(tmp_path):
    told = []

    def look(run):
        feed, seen = told[0] if told else (RunFeed(run.path), PageState())
        news, seen = feed.news(seen, now=True)
        told[:1] = [(feed, seen)]
        told.append(json.loads(news))

    search(write_experiment(tmp_path), tmp_path / "run", look)
    first, *_ = told[1:]
    about = first["about"]
    assert about["classes"] == [*CLASSES]
    generations = [column(news, "generation", about) for news in told[1:]]
    assert generations == [[number] for number in range(8)]
    run = open_run(tmp_path / "run")
    changes = [tuple(change) for news in told[1:] for change in news.get("changes", ())]
    assert changes == [each[:3] for each in run.replacements]
    assert column(told[-1], "median", about) == [run.history[-1].median]
    assert column(told[-1], "maximum", about) == [max(elite.confidence for elite in run)]
    assert column(told[-1], "switched", about) == [sum(g.goal_switches for g in run.history)]


@pytest.fixture
def finished(tmp_path):
    search(write_experiment(tmp_path), tmp_path / "run")
    return tmp_path / "run"


def test_curves_of_confidence_do_not_end_where_single_precision_does(finished):
    news = json.loads(RunFeed(finished).news(PageState(), now=True)[0])
    middle, median = (column(news, name, news["about"])[-1] for name in ("middle", "median"))
    assert middle == pytest.approx(math.log10(median / (1 - median)), abs=0.001)
    with closing(sqlite3.connect(finished / "run.db")) as database, database:
        database.execute("UPDATE replacement SET score = 1, rank = 40 WHERE generation > 3")
    news = json.loads(RunFeed(finished).news(PageState(), now=True)[0])
    assert column(news, "highest", news["about"])[-1] == pytest.approx(40 / math.log(10), abs=0.001)


def test_nothing_new_is_no_news(finished):
    feed = RunFeed(finished)
    news, seen = feed.news(PageState(), now=True)
    assert json.loads(news)["state"]["finished"] is True
    assert feed.news(seen, now=True)[0] is None


def test_a_run_started_anew_is_told_anew(finished, tmp_path):
    feed = RunFeed(finished)
    _, seen = feed.news(PageState(), now=True)
    neatfool(
        *("run", tmp_path / "small.ini", "--out", finished, "--overwrite", "--no-report"),
        *("--set", "experiment.generations=3"),
        exit_code=0,
    )
    news = json.loads(feed.news(seen, now=True)[0])
    assert column(news, "generation", news["about"]) == [0, 1, 2]


def test_a_run_that_is_gone_is_said_and_its_course_is_kept(finished):
    feed = RunFeed(finished)
    _, seen = feed.news(PageState(), now=True)
    shutil.rmtree(finished)
    news = json.loads(feed.news(seen, now=True)[0])
    assert "not a run folder" in news["state"]["error"]
    assert len(json.loads(feed.news(PageState())[0])["points"]) == 8


def test_a_long_course_is_thinned_but_its_last_point_is_kept(finished, monkeypatch):
    monkeypatch.setattr(reading, "MOST_POINTS", 3)
    news = json.loads(RunFeed(finished).news(PageState(), now=True)[0])
    assert column(news, "generation", news["about"]) == [1, 4, 7]


def test_a_feed_rests_a_hundred_times_as_long_as_it_works(finished, monkeypatch):
    now, processor, opened = [1000.0], [0.0], []

    def take_long(path):
        processor[0] += 0.5
        opened.append(now[0])
        raise RunError("busy")

    monkeypatch.setattr(reading, "open_run", take_long)
    monkeypatch.setattr(reading.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(reading.time, "thread_time", lambda: processor[0])
    feed = RunFeed(finished)
    for seconds in (0, 1, 48, 2):
        now[0] += seconds
        feed.news(PageState())
    assert opened == [1000, 1051]


def test_a_run_whose_record_is_damaged_is_told_of(tmp_path):
    search(write_experiment(tmp_path), tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute(
            "UPDATE info SET value = json_set(value, '$.width', 'wide') WHERE key = 'spec'"
        )
    told = RunFeed(tmp_path / "run").news(PageState(), now=True)[0]
    assert "is damaged" in json.loads(told)["state"]["error"]


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
@pytest.mark.parametrize("name", ["calm", "stripes"])
def test_its_page_says_scores(browser, tmp_path, name):
    folder = run_objective(tmp_path, name)
    run = open_run(folder)
    with served(folder) as address:
        browser.open(address)
        browser.wait("document.querySelectorAll('#confidence polyline').length", 60)
        browser.do("document.querySelector('.cell:not(.empty)').click()")
        words = browser.do("document.body.innerText")
        charts = browser.do("[...document.querySelectorAll('svg')].map((e) => e.innerHTML).join()")
        labels = browser.do(
            "[...document.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel).join()"
        )
        levels = browser.do("[...document.querySelectorAll('.cell')].map((e) => e.title)")
    shown = "".join((words, charts, labels, *levels))
    assert "onfidence" not in shown
    assert "NaN" not in shown
    # Only shares of the time have per cent.
    assert " %" not in charts + labels + words.partition("Where the time goes")[0]
    assert f"best {float(f'{run.best().score:.4g}'):g}" in charts
    assert f"{len(run)} of {len(run.searched)}" in words
