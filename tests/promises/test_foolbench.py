"""FoolBench on the site: its entries keep their schema, and its page shows them all."""

import io
import re
import runpy
from base64 import b64decode
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import BROWSER
from devtools import Browser
from PIL import Image

from neatfool_plugins.audit.confidence import ConfidenceRecord

DOCS = Path(__file__).parents[2] / "docs"
bench = runpy.run_path(str(DOCS / "foolbench.py"))
ROWS = bench["read_rows"]()
MOST_BYTES = 30_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_entry_is_small_and_says_whose_network_it_is(row):
    assert (bench["FOLDER"] / f"{row.name}.json").stat().st_size < MOST_BYTES
    assert {"network", "family", "data"} <= {*row.entry.about}
    assert row.entry.card.images == 12_000
    assert "/tmp" not in row.entry.model_dump_json()
    for each in row.entry.images:
        if each.png:
            with Image.open(io.BytesIO(b64decode(each.png))) as image:
                assert sha256(image.tobytes()).hexdigest() == each.sha256


def test_networks_of_others_are_built_with_as_many_parameters_as_their_entries_say():
    build = runpy.run_path(str(DOCS / "nets.py"))["build"]
    named = {
        (name, int(row.entry.about["parameters"]))
        for row in ROWS
        for name in re.findall(r"^net = (\w+)$", row.entry.experiment, re.M)
        if name != "tiniest"  # built by its author's module, which lies beside its weights
    }
    assert len(named) == 6
    for name, parameters in named:
        assert sum(each.numel() for each in build(name, DOCS).parameters()) == parameters


@pytest.mark.parametrize("row", [r for r in ROWS if r.entry.longer], ids=lambda row: row.name)
def test_a_longer_search_goes_on_where_the_first_ended(row):
    assert row.entry.longer.images == 100_000
    assert "--longer 100000" in row.entry.command
    assert row.later is None or row.later >= row.number
    for short, long in zip(row.entry.card.until, row.entry.longer.until, strict=True):
        for found, later in ((short.by_seed, long.by_seed), (short.all_by_seed, long.all_by_seed)):
            for one, other in zip(found, later, strict=True):
                assert other == one if one else other is None or other > 12_000


def test_the_page_has_every_entry_and_loads_nothing_else():
    page = bench["page"](ROWS)
    listed = re.findall(r'href="([\w-]+)\.json"', page)
    assert sorted(listed) == sorted(row.name for row in ROWS)
    known = r"data:image/png|https?:|\w[\w-]*\.(?:json|txt)|\.\./|#"
    assert re.findall(rf'(?:src|href)="(?!{known})', page) == []
    assert "<link" not in page
    assert "{tables}" not in page


def by_data():
    names = {row.entry.about["data"] for row in ROWS}
    return {name: [r for r in ROWS if r.entry.about["data"] == name] for name in names}


def test_a_data_set_is_ranked_by_what_tells_most_entries_apart_and_only_where_seeds_agree():
    for rows in by_data().values():
        chosen = bench["measure_of"](rows)
        ranks = {rank for rank, _ in bench["ranked"](rows, chosen)}
        agree = [each for each in bench["MEASURES"] if each.reliability(rows) >= 0.8]
        assert (None in ranks) == (not agree)
        assert len(ranks) > 1 or not agree
        if agree:
            assert chosen.pairs(rows) == max(each.pairs(rows) for each in agree)


def test_a_table_says_whose_images_are_unknown_and_how_own_thresholds_order_it():
    for name, rows in by_data().items():
        text = bench["section"](name, rows) if len(rows) >= 4 else ""
        unknown = sum(row.entry.card.known is None for row in rows)
        said = f"images of {unknown} of {len(rows)} entries have no recorded hashes"
        assert (said in text) == (unknown > 0 and len(rows) >= 4)
        if name == "MNIST":
            assert unknown == 0
            least = min(row.fooled for row in rows)
            tied = sum(row.fooled == least for row in rows)
            assert f"{tied} of {len(rows)} entries are at the fewest, {least:,.0f}; Kendall" in text


def test_a_rank_is_shared_by_those_that_its_first_does_not_beat():
    rows, half = by_data()["MNIST"], bench["MEASURES"][0]
    ranks = {}
    for place, (rank, row) in enumerate(bench["ranked"](rows, half), 1):
        first = ranks.setdefault(rank, (place, row))
        assert first[0] == rank
        assert not half.beats(first[1], row)
    firsts = [row for _, row in ranks.values()]
    assert len(firsts) > 3
    for before, after in pairwise(firsts):
        assert half.beats(before, after)


def test_what_was_not_found_within_a_small_budget_is_not_worse_than_what_took_long():
    rows = {row.name: row for row in ROWS}
    never = [None] * 5
    short, long = rows["lenet"], rows["lenet-pgd"]
    until = [each.model_copy(update={"by_seed": never}) for each in short.entry.card.until]
    card = short.entry.card.model_copy(update={"until": until})
    entry = short.entry.model_copy(update={"card": card, "longer": None})
    short = short._replace(entry=entry, budget=12_000)
    (half, *_) = bench["MEASURES"]
    assert half.beats(short, long)
    assert not half.beats(short, rows["lenet-pgd-vim"])
    assert not half.beats(rows["lenet-pgd-vim"], short)


def test_a_row_has_its_rank_pictures_figure_and_range():
    page = bench["page"](ROWS)
    (row,) = re.findall(r'<tbody data-text="lenet-pgd lenet pgd.*?</tbody>', page, re.S)
    assert row.count("<img alt=") == 10
    assert "<b>4,400</b><span class=range>2,800 to 7,400</span>" in row
    for table in re.findall("<thead>.*?</thead>", page):
        assert table.count("<th ") == 4


def test_the_page_asks_for_tables_that_there_are():
    asked = re.findall("<!-- foolbench (.*) -->", (DOCS / "foolbench.md").read_text("utf-8"))
    assert len({*asked}) == len(asked) == 6
    for each in asked:
        assert len(bench["in_markdown"](each).splitlines()) > 4


def test_the_ranking_is_told_within_each_data_set_with_and_without_detectors():
    rows = [line.split(" | ") for line in bench["in_markdown"]("ranking").splitlines()]
    names = [row[0].removeprefix("| ") for row in rows[2:]]
    both = [each for name in ("CIFAR-10", "MNIST") for each in (name, f"{name}, no detector")]
    assert names == [*both[:2], "ImageNet", *both[2:], "Speech Commands"]
    assert rows[0][4] == "half at 99 %"
    plain = rows[2 + names.index("CIFAR-10, no detector")]
    assert plain[4].startswith("0.39")
    assert plain[6].startswith("not ranked: tau 0.73")


def test_an_order_is_supported_if_no_seed_contradicts_it():
    def entry(*by_seed):
        card = SimpleNamespace(until=[SimpleNamespace(by_seed=by_seed)] * 3)
        return SimpleNamespace(entry=SimpleNamespace(card=card, longer=None), budget=12_000)

    longer = bench["MEASURES"][0].beats
    slow, slower, quick = entry(400, 800), entry(600, None), entry(200, 200)
    assert longer(slow, quick)
    assert not longer(quick, slow)
    assert not longer(slower, slow)


def test_an_entry_without_hashes_says_so_and_the_others_have_their_file():
    page = bench["page"](ROWS)
    cards = [row.entry.card for row in ROWS if row.entry.card.acceptance.in_distribution]
    unknown = [card for card in cards if card.known is None]
    assert page.count("measured before images' hashes were recorded") == len(unknown)
    for card in cards:
        if card.known is not None:
            listed = (bench["FOLDER"] / card.known.file_name).read_bytes()
            assert sha256(listed).hexdigest() == card.known.sha256
            assert len(listed.split()) == card.known.number == card.acceptance.kinds[0].images
            assert card.known.right == round(card.acceptance.kinds[0].right * card.known.number)


def test_an_entry_whose_images_are_a_choice_of_anothers_is_told(tmp_path, monkeypatch):
    row = next(row for row in ROWS if row.name == "lenet")
    monkeypatch.setitem(bench["warning_of"].__globals__, "FOLDER", tmp_path)
    hashes = (bench["FOLDER"] / row.entry.card.known.file_name).read_text().split()
    known = row.entry.card.known.of(hashes[:750], ConfidenceRecord.model_construct(own=[]))
    for each, lines in ((row.entry.card.known, hashes), (known, hashes[:750])):
        (tmp_path / each.file_name).write_text("\n".join(lines))
    card = row.entry.card.model_copy(update={"known": known})
    entry = row.entry.model_copy(update={"card": card})
    chosen = row._replace(name="chosen", entry=entry)
    warning = bench["warning_of"](chosen)
    assert "Of the 1,000 of that list, 250 were left out" in warning
    assert bench["warning_of"](row) == ""
    rows = [*by_data()["MNIST"], chosen._replace(warning=warning)]
    assert warning in bench["page"](rows)
    unranked = [each.name for rank, each in bench["ranked"](rows, bench["MEASURES"][0]) if not rank]
    assert unranked == ["chosen"]


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no browser to open the page in")
def test_the_page_has_tabs_for_the_keyboard_and_filters(tmp_path):
    (tmp_path / "page.html").write_text(bench["page"](ROWS), encoding="utf-8")
    shown = "[...document.querySelectorAll('section')].filter(each => each.offsetHeight)"
    panels = f"{shown}.map(each => each.id)"
    entries = "document.querySelectorAll('tbody:not([hidden])').length"
    counts = "[...document.querySelectorAll('nav span')].map(each => +each.textContent)"
    search = "document.querySelector('input')"
    browser = Browser(tmp_path)
    try:
        browser.open(f"{(tmp_path / 'page.html').as_uri()}#imagenet")
        assert browser.do(panels) == ["imagenet"]
        browser.do("document.querySelector('[aria-selected=true]').focus()")
        browser.press("Home")
        assert browser.do(panels) == ["mnist"]
        browser.press("ArrowRight")
        assert browser.do(panels) == ["cifar-10"]
        assert browser.do("document.activeElement.getAttribute('aria-controls')") == "cifar-10"
        browser.do(f"{search}.value = 'mnist', {search}.form.dispatchEvent(new Event('input'))")
        found = sum("mnist" in str(row.entry.about).lower() for row in ROWS)
        assert browser.do(entries) == found
        assert sum(browser.do(counts)) == found < len(ROWS)
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.call("Page.reload")
        browser.wait(f"document.readyState === 'complete' && {shown}.length === {len(by_data())}")
        assert browser.complaints == []
    finally:
        browser.close()
