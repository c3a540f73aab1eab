"""The notebooks for Colab are those of the documentation."""

import json
import re
import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(find_spec("myst_nb") is None, reason="needs the extra docs")
SOURCES = sorted((DOCS / "notebooks").glob("*.md"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_for_colab_is_that_of_the_documentation(source):
    nbformat = pytest.importorskip("nbformat")
    file = DOCS / "colab" / f"{source.stem}.ipynb"
    written = file.read_text("utf-8")
    assert written == runpy.run_path(str(DOCS / "colab.py"))["notebook_of"](source), (
        "write them again: python docs/colab.py"
    )
    nbformat.validate(json.loads(written))
    assert "nb-download" not in written
    assert "All outputs" not in written
    assert "](.." not in written
    address = rf"https://colab\.research\.google\.com/github/neatfool/neatfool/blob/main/docs/{file.relative_to(DOCS)}"
    assert re.search(address, source.read_text("utf-8"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_first_installs_neatfool_where_it_is_missing(source):
    cells = json.loads((DOCS / "colab" / f"{source.stem}.ipynb").read_text("utf-8"))["cells"]
    first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert "%pip install --quiet neatfool" in first
    code = first.replace("%pip install --quiet neatfool", "ran.append('installed')")
    for name, expected in (("neatfool", []), ("neatfool_is_missing", ["installed"])):
        ran: list[str] = []
        exec(code.replace('"neatfool"', f'"{name}"'), {"ran": ran})
        assert ran == expected


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_images_of_a_notebook_have_texts_in_their_place_and_come_from_nowhere_else(source):
    text = source.read_text("utf-8")
    assert not re.search(r"!\[[^]]*\]\(https?:", text)
    cells = json.loads((DOCS / "colab" / f"{source.stem}.ipynb").read_text("utf-8"))["cells"]
    drawing = re.compile(r"^(?:figure, |show\(|SVG\(|elite\.image)", re.MULTILINE)
    shown = [cell for cell in cells if drawing.search("".join(cell["source"]))]
    assert shown
    for cell in shown:
        if cell["cell_type"] == "code":
            assert cell["metadata"]["mystnb"]["image"]["alt"]
