"""The heat map of an archive over measures."""

import io
import re
from base64 import b64decode
from html import unescape

import numpy as np
import pytest
from PIL import Image

import neatfool
from neatfool.present import write_report
from neatfool_plugins.report.heat_map import draw_heat_map

AXES = {"brightness": (0, 1, 6), "contrast": (0, 0.5, 4), "stripes": (0, 0.5, 3)}


def stripes(images):
    grey = images / 255
    across = np.abs(np.diff(grey)).mean((1, 2, 3))
    return across, np.stack([grey.mean((1, 2, 3)), grey.std((1, 2, 3)), across], 1)


def evolve(folder, measures):
    def score(images):
        scores, found = stripes(images)
        return scores, found[:, :measures]

    grid = dict([*AXES.items()][:measures])
    settings = {"images": 400, "out": folder / "run", "progress": False}
    return neatfool.evolve(score, image=(1, 12, 10), grid=grid, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("measures", "shape"), [(1, (1, 6)), (2, (4, 6)), (3, (4, 6))])
def test_each_filled_cell_has_its_colour_and_leads_to_its_elite(tmp_path, measures, shape):
    run = evolve(tmp_path, measures)
    heat = draw_heat_map(run)
    png = b64decode(heat.picture.src.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape == (*shape, 4)
    filled = {(row - 1, column - 1) for _, row, column in heat.cells}
    assert filled == {*map(tuple, np.argwhere(pixels[..., 3]).tolist())}
    for elite, row, column in heat.cells:
        brightness, *others = elite.measures
        assert min(int(brightness * 6), 5) == column - 1
        if others:
            assert min(int(others[0] / 0.5 * 4), 3) == shape[0] - row
    # The best of all has the last colour, and a cell of several the best of these.
    best = next(
        (row - 1, column - 1) for e, row, column in heat.cells if e.score == run.best().score
    )
    assert pixels[best].tolist() == [253, 231, 36, 255]
    assert bool(heat.note) == (measures == 3)
    if measures < 3:
        return
    page = write_report(run).read_text(encoding="utf-8")
    links = re.findall(r'<a href="#(class-\d+)" data-card="(\d+)"', page)
    assert len(links) == len(heat.cells)
    assert all(f'id="{place}"' in page for place, _ in links)
    assert f"{len(heat.cells)} of {shape[0] * shape[1]} cells are filled" in unescape(page)


def test_cells_that_are_too_small_for_pictures_have_none(tmp_path):
    run = neatfool.evolve(
        lambda images: (images.mean((1, 2, 3)), images.mean((1, 2, 3))[:, None] / 255),
        image=(1, 8, 8),
        grid={"brightness": (0, 1, 200)},
        images=40,
        out=tmp_path / "run",
        progress=False,
    )
    page = write_report(run).read_text(encoding="utf-8")
    assert 'class="cells bare"' in page
    assert ".cells.bare a img { display: none; }" in page


def test_a_run_without_a_grid_has_none(tmp_path):
    run = neatfool.evolve(
        lambda images: images.mean((1, 2, 3)), image=(1, 8, 8), images=40, out=tmp_path / "run"
    )
    assert draw_heat_map(run) is None
    page = write_report(run).read_text(encoding="utf-8")
    assert 'id="archive"' not in page
    assert "onfidence" not in re.sub(
        r"<(style|script|footer)\b.*?</\1>|<[^>]*>", "", page, flags=re.DOTALL
    )


@pytest.mark.browser
def test_cells_show_their_pictures_and_are_walked_with_the_arrow_keys(browser, tmp_path):
    run = evolve(tmp_path, 2)
    browser.open(write_report(run).as_uri())
    pictures = browser.do("[...document.querySelectorAll('.cells a img')].map((e) => e.src)")
    assert len(pictures) == len(run)
    assert len({*pictures}) > 1
    assert browser.do("document.querySelectorAll('.cells a[tabindex=\"0\"]').length") == 1
    columns = []
    browser.do(
        "[...document.querySelectorAll('.cells a')].sort((a, b) => "
        "a.style.gridColumnStart - b.style.gridColumnStart)[0].focus()"
    )
    for key in ("", "ArrowRight", "ArrowLeft"):
        browser.do(
            "document.activeElement.dispatchEvent("
            f"new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))"
        )
        columns.append(int(browser.do("document.activeElement.style.gridColumnStart")))
    assert columns[1] > columns[0]
    assert columns[2] < columns[1]


@pytest.mark.parametrize("differ", [True, False])
def test_scores_are_drawn_over_the_images_if_they_differ(tmp_path, differ):
    run = neatfool.evolve(
        lambda images: images.std((1, 2, 3)) if differ else np.ones(len(images)),
        image=(1, 8, 8),
        images=1000,
        out=tmp_path / "run",
        scheme_options={"batch": 50},
        progress=False,
    )
    assert ("<h3>Score</h3>" in write_report(run).read_text(encoding="utf-8")) == differ
