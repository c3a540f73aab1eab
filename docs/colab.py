"""Writes the notebooks for Colab, which opens only ``.ipynb`` files: ``python docs/colab.py``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook

FOLDER: Final = Path(__file__).with_name("colab")
SOURCES: Final = sorted(Path(__file__).with_name("notebooks").glob("*.md"))
SITE: Final = "https://neatfool.readthedocs.io/en/stable/"


def notebook_of(source: Path) -> str:
    """Give a notebook of the documentation as it is for Colab: without what only the site has."""
    text = re.sub(r"\s+All\s+outputs\s+on\s+this\s+page\s[^.]+\.", "", source.read_text("utf-8"))
    text = re.sub(r"^\[Open in Colab\].*\n\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\(\.\./([\w/-]+)\.md", rf"]({SITE}\1.html", text)
    notebook = read_myst_markdown_notebook(text)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # By default it is drawn at random.
    written: str = nbformat.writes(notebook)
    return f"{written}\n"


if __name__ == "__main__":
    for each in SOURCES:
        (FOLDER / f"{each.stem}.ipynb").write_text(notebook_of(each), "utf-8")
