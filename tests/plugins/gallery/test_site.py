"""The gallery on the site of the documentation, whose data is in the repository."""

import json
import shutil
from pathlib import Path

import pytest

from neatfool_plugins.gallery.folder import INDEX, PAGE, write_scripts

GALLERY = Path(__file__).parents[3] / "docs" / "_extra" / "gallery"
MOST_BYTES = 3_000_000


def test_it_is_small_and_has_what_it_names():
    text = (GALLERY / "data" / "index.js").read_text(encoding="ascii")
    index = json.loads(text.removeprefix('neatfool.data.put("index",').removesuffix(");\n"))
    files = {each["file"] for each in index["runs"][0]["elites"]}
    assert files == {file.name for file in (GALLERY / "images" / "0").iterdir()}
    assert sum(file.stat().st_size for file in GALLERY.rglob("*.*")) < MOST_BYTES


@pytest.mark.browser
def test_this_versions_page_draws_it(browser, tmp_path):
    folder = tmp_path / "gallery"
    shutil.copytree(GALLERY, folder)
    write_scripts(folder)
    shutil.copy(PAGE / INDEX, folder)
    browser.resize(390, 844)
    browser.open("about:blank#")
    browser.complaints.clear()
    browser.open((folder / INDEX).as_uri())
    browser.wait("document.querySelector('.frame[data-state=drawn]')", 120)
    browser.do("document.querySelector('a.tile').click()")
    browser.wait("document.querySelectorAll('.steps button').length > 1")
    assert browser.complaints == []
