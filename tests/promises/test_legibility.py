"""Everybody can read each page that neatfool makes: contrast, headings, axe-core, the keyboard."""

import runpy
from itertools import pairwise
from pathlib import Path

import pytest
from accessibility import read_axe, violations, walk
from breeding import served as served_session
from commands import neatfool
from galleries import make_run, write
from legibility import HEADINGS, contrasts
from objectives import run_objective
from report_runs import FakeRun
from watching import served

from neatfool import open_run
from neatfool.present import write_report
from neatfool_plugins.audit.card import ReportCard

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[2] / "docs"
CARD = Path(__file__).parents[1] / "plugins" / "audit" / "card.json"
SHOWN = {
    "report": (),
    "report of many": (),
    "report of a grid": (),
    "compare": (),
    "survive": (),
    "ablate": (),
    "ancestry": (),
    "transfer": (),
    "audit": (),
    "breed": (),
    "foolbench": ("document.querySelector('summary').click()",),
    "demo": ("byId('pause').click()",),
    "demo's dialog": (
        "tiles[3].button.click(); document.querySelector('details').open = true",
        "document.querySelector('main').hidden = true",
    ),
    "watch": ("document.querySelector('.cell').click()",),
    "gallery": (),
    "viewer": ("document.querySelector('a.tile').click()",),
    "quiz": (),
    "question": ("document.querySelector('#begin').click()",),
    "result": ("find('begin').click(); finish()",),
}
"""What is looked at, and what is done with its page first."""
READY = {
    "breed": "document.querySelectorAll('main img').length > 15",
    **dict.fromkeys(("demo", "demo's dialog"), "document.documentElement.dataset.images > 20"),
    "watch": "document.querySelectorAll('#medians polyline').length",
    "gallery": "document.querySelector('.frame[data-state=drawn]')",
    "viewer": "document.querySelector('.frame[data-state=drawn]')",
}


MEASURES = {"compare": 2, "survive": 2, "ablate": 1, "ancestry": 2, "transfer": 2}
"""What measures runs, and how many."""


@pytest.fixture(scope="module")
def axe(request):
    return read_axe(request)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    runs = [make_run(folder, seed, "encoding.inputs=normalised") for seed in (1, 2)]
    gallery = write(folder / "gallery", runs)
    quiz, demo = folder / "quiz.html", folder / "demo.html"
    neatfool("quiz", *runs, "-o", quiz, exit_code=0)
    neatfool("demo", "--page", demo, exit_code=0)
    findings = {name: folder / f"{name}.html" for name in MEASURES}
    for name, page in findings.items():
        neatfool(name, *runs[: MEASURES[name]], "--html", page, exit_code=0)
    card = CARD.read_text(encoding="utf-8")
    findings["audit"] = folder / "audit.html"
    ReportCard.model_validate_json(card).html(findings["audit"])
    bench = runpy.run_path(str(DOCS / "foolbench.py"))
    table = folder / "foolbench.html"
    table.write_text(bench["page"](bench["read_rows"]()), encoding="utf-8")
    reports = []
    for name, count in (("few", 6), ("many", 60)):
        (folder / name).mkdir()
        run = FakeRun(folder / name, classes=tuple(f"class {n}" for n in range(count)))
        reports.append(write_report(run))  # type: ignore[arg-type]
    run = run_objective(folder, "stripes", "--set", "experiment.images=1200")
    reports.append(write_report(open_run(run)))
    files = {
        "report of a grid": reports[2],
        "report": reports[0],
        "report of many": reports[1],
    } | findings
    files |= {"foolbench": table, "gallery": gallery, "viewer": gallery}
    files |= dict.fromkeys(("demo", "demo's dialog"), demo)
    files |= dict.fromkeys(("quiz", "question", "result"), quiz)
    with served(*runs) as watched, served_session(folder=folder) as session:
        pages = {"watch": watched, "breed": session.address}
        yield pages | {name: file.as_uri() for name, file in files.items()}


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("shown", SHOWN)
def test_each_page_can_be_read(browser, addresses, axe, shown, width):
    for dark in (False, True):
        browser.resize(width, 2000, phone=width == 400, dark=dark)
        browser.open("about:blank#")
        browser.open(addresses[shown])
        browser.wait(READY.get(shown, "true"), 120)
        for action in SHOWN[shown]:
            browser.do(action)
        if shown not in {"foolbench"}:
            assert violations(browser, axe) == []
            assert walk(browser) == []
        levels = browser.do(HEADINGS)
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert browser.do("document.querySelectorAll('img:not([alt])').length") == 0
        found = contrasts(browser, "dialog" if shown in {"viewer", "demo's dialog"} else "body")
        assert [each for each in found if each[0] < 4.5] == []
