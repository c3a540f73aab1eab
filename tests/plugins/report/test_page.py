import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import networkx as nx
import pytest
from pages import Parsed
from report_runs import FakeIndividual, FakeRun

from neatfool.present import write_report
from neatfool.wording import percent
from neatfool_plugins.report import page as report_page

EVIL = "<script>alert(1)</script>\"' onerror=alert(2) x='"


@pytest.fixture(scope="module")
def written(make_run_in, tmp_path_factory):
    """Write the page of a made-up run, once for each, to look at only."""

    pages: dict[str, Parsed] = {}

    def write(**options):
        key = repr((options, report_page.MOST_DETAILS, report_page.MOST_CARDS))
        if key not in pages:
            run = make_run_in(tmp_path_factory.mktemp("run"), **options)
            pages[key] = Parsed(write_report(run).read_text(encoding="utf-8"))
        return pages[key]

    return write


def test_the_report_is_report_html_in_the_runs_folder_or_where_it_is_asked_for(make_run, tmp_path):
    """Only a page beside the images has links to them."""
    run = make_run(generations=3)
    page = write_report(run)
    assert page == tmp_path / "report.html"
    here = page.read_text(encoding="utf-8")
    assert 'href="images/003%20%26%20co.png"' in here
    assert "img-src data: 'self';" in here
    (tmp_path / "away").mkdir()
    there = write_report(run, tmp_path / "away" / "page.html").read_text(encoding="utf-8")
    assert "images/003" not in there
    assert "img-src data:;" in there


def test_every_class_is_in_the_gallery_with_confidence_and_generation(written):
    parsed = written(generations=40)
    cards = parsed.of_class("card")
    assert {card["data-name"] for card in cards} == {*"0123456789"}
    sure = [float(card["data-confidence"]) for card in cards]
    assert sure == sorted(sure, reverse=True)
    assert len(parsed.of_class("picture")) == 11  # and one beside the title
    for text in (percent(1 - 10**-5), "generation 13", "8,000", "images scored", "mnist"):
        assert text in parsed.text


def test_every_elite_has_its_graph_and_its_line_of_ancestors(written):
    parsed = written(generations=40)
    assert len(parsed.of_class("detail")) == len(parsed.of_class("network")) == 10
    assert len(parsed.of_class("curve")) == 5  # with the matrix of goal switches
    lengths = [1 + 3 * index % 25 for index in range(10)]
    shown = sum(min(length, 12) for length in lengths)
    assert len(parsed.of_class("ancestor")) == shown
    assert "12 of 19" in parsed.text


def test_of_a_long_line_even_steps_and_both_ends_are_shown(written):
    line = written(generations=40).text.split("12 of 25, generation")[1]
    shown = [int(number) for number in re.findall(r"gen (\d+)", line)[:12]]
    assert (shown[0], shown[-1]) == (0, 24)
    assert {later - earlier for earlier, later in pairwise(shown)} == {2, 3}


def test_nothing_is_loaded_from_anywhere(written):
    for tag, attrs in written(generations=3).tags:
        assert tag not in ("iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "data", "action"):
            value = attrs.get(name)
            own = ("data:", "#", "images/") if tag == "a" else ("data:", "#")
            assert value is None or value.startswith(own), (tag, name, value[:80])


def test_names_and_options_of_plugins_are_text_only(written):
    parsed = written(
        generations=3,
        name=EVIL,
        about=EVIL,
        target=EVIL,
        classes=(EVIL, "b"),
        info={"versions": {EVIL: EVIL}},
    )
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert not [attrs for _, attrs in parsed.tags if "onerror" in attrs]
    assert EVIL in [card["data-name"] for card in parsed.of_class("card")]
    assert parsed.text.count("<script>alert(1)</script>") >= 6


def test_the_pages_script_is_the_only_one_that_may_run(make_run):
    html = write_report(make_run(generations=3)).read_text(encoding="utf-8")
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = b64encode(sha256(script[0].encode()).digest()).decode()
    assert len(script) == 1
    assert f"script-src 'sha256-{digest}'" in html


def test_of_many_classes_only_the_best_are_shown_closely(written, monkeypatch):
    monkeypatch.setattr(report_page, "MOST_DETAILS", 3)
    monkeypatch.setattr(report_page, "FEW_DETAILS", 3)
    parsed = written(generations=3)
    assert len(parsed.of_class("card")) == 10
    best = sorted(parsed.of_class("card"), key=lambda card: -float(card["data-confidence"] or 0))
    closely = {attrs["id"] for attrs in parsed.of_class("detail")}
    assert closely == {f"class-{card['data-index']}" for card in best[:3]}
    assert "The 3 with the highest confidence, of 10 classes" in parsed.text
    links = {attrs["href"] for tag, attrs in parsed.tags if tag == "a" and "href" in attrs}
    assert {link for link in links if link.startswith("#")} == {f"#{name}" for name in closely}


def test_of_very_many_classes_the_gallery_holds_the_best(written, monkeypatch):
    everything = written(generations=3)
    monkeypatch.setattr(report_page, "MOST_DETAILS", 2)
    monkeypatch.setattr(report_page, "MOST_CARDS", 4)
    parsed = written(generations=3)
    ranked = sorted(everything.of_class("card"), key=lambda card: -float(card["data-confidence"]))
    best = {card["data-index"] for card in ranked[:4]}
    assert {card["data-index"] for card in parsed.of_class("card")} == best
    assert "6 more are in the run folder" in parsed.text


def test_it_says_how_diverse_the_elites_are(written):
    text = written(generations=3).text
    assert "All 10 images descend from 10 random ancestors. " in text


ADDS = """
from neatfool import hookimpl
from neatfool.present import Headline, Section, Text

@hookimpl
def neatfool_report_blocks(run, phylogeny):
    return [Headline("It is light."), Section("How light"), Text(f"{len(phylogeny)} ancestors")]
"""


def test_an_installed_measure_adds_to_the_report_and_a_broken_one_does_not_end_it(
    make_run, distribute
):
    run = make_run(generations=3)
    before = Parsed(write_report(run).read_text(encoding="utf-8"))
    points = {"measure.light": "light_of_somebody", "measure.broken": "broken_of_somebody"}
    distribute("light", points, {"light_of_somebody": ADDS, "broken_of_somebody": "1 / 0"})
    parsed = Parsed(write_report(run).read_text(encoding="utf-8"))
    for text in ("It is light.", "How light", f"{len(run.phylogeny())} ancestors"):
        assert text in parsed.text
        assert text not in before.text


def test_a_class_without_an_elite_says_so(written):
    parsed = written(generations=3, without_elite=frozenset({3}))
    assert len(parsed.of_class("card")) == 10
    assert len(parsed.of_class("detail")) == 9
    assert parsed.text.count("no image yet") == 1


def test_genomes_that_are_not_graphs_are_shown_without(written):
    parsed = written(generations=3, has_graphs=False)
    assert parsed.of_class("network") == []
    assert len(parsed.of_class("detail")) == 10


def test_a_run_without_a_generation_has_a_page_too(written):
    parsed = written(generations=0, without_elite=frozenset(range(10)))
    assert len(parsed.of_class("missing")) == 10
    assert parsed.of_class("curve") == parsed.of_class("detail") == []


def test_large_coloured_images_stay_small_in_the_page(make_run):
    run = make_run(generations=3, channels=3, side=224, classes=tuple("abcdefgh"))
    assert write_report(run).stat().st_size < 4_000_000


def test_a_run_is_introduced_by_what_its_experiment_says_of_itself(written):
    parsed = written(generations=3, about="A first look, in two minutes.")
    assert len(parsed.of_class("about")) == 1
    assert parsed.text.index("A first look, in two minutes.") < parsed.text.index("Gallery")
    assert not written(generations=3).of_class("about")


def test_classes_with_one_image_share_a_tile(make_run, monkeypatch):
    monkeypatch.setattr(report_page, "MOST_NAMES", 2)
    monkeypatch.setattr("neatfool_plugins.report.page.MOST_NAMES", 2)
    run = make_run(generations=3)
    one = run.elite("3").candidate_id
    found = [replace(e, candidate_id=one) if e.index in {3, 5, 8} else e for e in run.elites]
    monkeypatch.setattr(type(run), "elites", found)
    parsed = Parsed(write_report(run).read_text(encoding="utf-8"))
    cards = parsed.of_class("card")
    together = sorted((found[i] for i in (3, 5, 8)), key=lambda elite: -elite.confidence)
    assert len(cards) == 8
    (tile,) = [card for card in cards if "," in card["data-name"]]
    assert tile["data-name"] == ", ".join(elite.name for elite in together)
    assert float(tile["data-confidence"]) == together[0].confidence
    assert "10 classes in 8 tiles" in parsed.text
    assert "and 1 class more" in parsed.text


def test_the_lead_says_how_many_are_the_classifiers_first_choice(make_run, monkeypatch):
    monkeypatch.setattr(FakeIndividual, "top1", property(lambda self: self.index % 5 > 0))
    run = make_run(generations=3)
    said = "which is its first choice (top-1) for 8 of 10 images"
    assert said in Parsed(write_report(run).read_text(encoding="utf-8")).text
    monkeypatch.setattr(FakeIndividual, "top1", None)
    assert "first choice" not in Parsed(write_report(run).read_text(encoding="utf-8")).text


def test_a_rounded_certainty_reads_100_nowhere(make_run, monkeypatch):
    run = make_run(generations=3, ranks=(17.0, 17.0), has_graphs=False)
    run.history[-1] = replace(run.history[-1], median=1.0, mean=1.0, minimum=1.0)
    lineage = type(run).lineage

    def of_certainties(self, name):
        return [replace(each, confidence=1.0, rank=17.0) for each in lineage(self, name)]

    monkeypatch.setattr(type(run), "lineage", of_certainties)
    monkeypatch.setattr(
        type(run), "elites", [replace(each, confidence=1.0, rank=17.0) for each in run.elites]
    )
    parsed = Parsed(write_report(run).read_text(encoding="utf-8"))
    assert parsed.text.count("> 99.99 %") > 30
    assert parsed.text.count("(log-odds 17.0)") >= 10
    assert " 100 %" not in parsed.text.replace("\n", " ")


def test_control_characters_of_a_class_are_shown(written):
    parsed = written(classes=("\x1b[31mred\x00", "b\u202ed"), generations=3)
    assert "\\x1b[31mred\\x00" in parsed.text
    assert "b\\u202ed" in parsed.text
    names = [tag["data-name"] for tag in parsed.of_class("card")]
    assert all(
        name.isprintable() for name in [*names, parsed.text.replace("\n", "").replace("\xa0", " ")]
    )


def kept(images):
    """What ``neatfool survive --report`` leaves."""
    told = {
        "title": "What survives",
        "text": "Much of it.",
        "bars": [[EVIL, 0.974, "12 %"]],
        "own_target": True,
        "usual": {"jpeg=75": "saved as JPEG (75)", "turn=9": "turned (9)"},
        "images": images,
    }
    return json.dumps(told)


def test_what_survives_is_shown(make_run, tmp_path):
    run = make_run(generations=3)
    (tmp_path / "survival.json").write_text(kept({}))
    parsed = Parsed(write_report(run).read_text(encoding="utf-8"))
    assert "What survives" in parsed.text
    assert EVIL in parsed.text
    assert parsed.of_class("bars")
    assert {"style": "width:97.4%"} in [attrs for tag, attrs in parsed.tags if tag == "span"]


@pytest.mark.parametrize("text", ["[]", '{"title": "x"}', "{", "\udc80"])
def test_a_file_of_another_program_is_left_alone(make_run, tmp_path, text):
    run = make_run(generations=3)
    (tmp_path / "survival.json").write_text(text, errors="surrogateescape")
    assert not Parsed(write_report(run).read_text(encoding="utf-8")).of_class("bars")


def rows_of(table):
    """Read the texts of a table's cells."""
    cells = re.compile(r"<t[hd][^>]*>(.*?)(?=<t[hd]|</t[hd]>|</tr>|\n<tr|\Z)", re.DOTALL)
    rows = re.findall(r"<tr[^>]*>(.*?)(?=<tr|</table>|\Z)", table, re.DOTALL)
    plain = re.compile(r"<[^>]+>|\s+$")
    return [[plain.sub("", cell).strip() for cell in cells.findall(row)] for row in rows]


def test_each_elite_tells_what_else_the_network_sees_in_it(make_run):
    html = write_report(make_run(generations=3)).read_text(encoding="utf-8")
    table = html.split('id="class-9"')[1].split('runners">')[1].split("</table>")[0]
    assert [[row[0], row[-1]] for row in rows_of(table)] == [
        ["9", percent(1 - 10**-2.5)],
        ["0", percent(0.6 * 10**-2.5)],
        ["1", percent(0.3 * 10**-2.5)],
    ]


def test_runs_that_did_not_record_runners_up_have_none(written, monkeypatch):
    monkeypatch.setattr(FakeIndividual, "top", [])
    parsed = written(generations=4)
    assert not parsed.of_class("runners")
    assert "What the network sees in it" not in parsed.text


def test_goal_switches_are_counted_between_the_classes(make_run):
    html = write_report(make_run(generations=40)).read_text(encoding="utf-8")
    section = html.split("Who took whose niche")[1].split("</section>")[0]
    assert "There were 3" in section
    *_, pairs = section.split("<table")[1:]
    # Of the other parents, none held its niche when the child came.
    switches = ("34", "67", "90")
    assert sorted(rows_of(pairs)[1:]) == [[*pair, "1", "-"] for pair in switches]


def test_a_run_without_a_switch_has_no_such_section(written, monkeypatch):
    known = FakeRun.phylogeny
    monkeypatch.setattr(FakeRun, "phylogeny", lambda run, **_: nx.create_empty_copy(known(run)))
    monkeypatch.setattr(FakeRun, "holders", lambda self: [])
    assert "Who took whose niche" not in written(generations=5).text


def test_an_elite_that_was_there_when_it_was_measured_tells_what_it_survives(make_run, tmp_path):
    run = make_run(generations=3)
    changes = {"jpeg=75": [0.81, True], "turn=9": [0.004, False]}
    known = {elite.name: elite.candidate_id for elite in run.elites}
    images = {
        "3": {"genome": known["3"], "changes": changes},
        "4": {"genome": known["4"] + 1, "changes": changes},  # replaced since
    }
    (tmp_path / "survival.json").write_text(kept(images))
    text = Parsed(write_report(run).read_text(encoding="utf-8")).text
    told = "Its class stays first: saved as JPEG (75): 81.0 %. It does not: turned (9): 0.40 %."
    assert text.count("Its class stays first:") == text.count(told) == 1


@pytest.fixture(scope="module")
def of_many(make_run_in, tmp_path_factory):
    """Write the page of a run of 1,000 classes, whose images are as large as ImageNet's."""
    folder = tmp_path_factory.mktemp("many")
    names = tuple(f"class number {n}" for n in range(1000))
    run = make_run_in(folder, classes=names, channels=3, side=224, generations=30)
    return write_report(run).read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_of_a_thousand_classes_is_small(of_many):
    assert len(of_many.encode()) < 5_000_000
    parsed = Parsed(of_many)
    assert len(parsed.of_class("card")) == 1000
    assert len(parsed.of_class("detail")) == report_page.FEW_DETAILS
    assert len(parsed.of_class("runners")) == 1000


@pytest.mark.slow
def test_a_thousand_classes_are_painted_soon_and_open_one_by_one(browser, of_many, tmp_path):
    (tmp_path / "page.html").write_text(of_many, encoding="utf-8")
    painted = []
    for _ in range(3):  # a machine that is busy with something else may be late
        browser.open("about:blank")
        browser.open((tmp_path / "page.html").as_uri())
        browser.wait("performance.getEntriesByType('paint').length")
        painted.append(browser.do("performance.getEntriesByType('paint')[0].startTime"))
    assert min(painted) < 2000
    cards = "[...document.querySelectorAll('.card')].filter(c => c.querySelector('template'))"
    browser.do(f"{cards}[4].querySelector('img').click()")
    first = browser.do(f"{cards}[4].dataset.name")
    assert browser.do("document.querySelector('dialog h3').textContent") == first
    assert browser.do("document.querySelectorAll('dialog .runners tr').length") == 3
    browser.press("ArrowRight")
    second = browser.do(f"{cards}[5].dataset.name")
    assert browser.do("document.querySelector('dialog h3').textContent") == second
    browser.press("Escape")
    assert browser.do("document.querySelector('dialog').open") is False
    # The saved PNG is not beside this copy of the page, so a picture of it cannot load.
    assert [each for each in browser.complaints if "ERR_FILE_NOT_FOUND" not in each] == []
