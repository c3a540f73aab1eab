"""How Sphinx builds the documentation: ``tox run -e docs``."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

from sphinx.ext.napoleon.docstring import GoogleDocstring

project = "neatfool"
author = "the neatfool contributors"
copyright = author
release = version = version_of("neatfool")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
default_role = "code"

html_theme = "furo"
html_title = f"neatfool {release}"

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True


def _parse_returns(docstring: GoogleDocstring) -> list[tuple[str, str, list[str]]]:
    lines = docstring._dedent(docstring._consume_to_next_section())
    return [("", "", lines)] if lines else []


def _parse_attribute(docstring: Any) -> list[str]:
    docstring._what = "method"
    docstring._parse()
    return []


# Types stand in the signatures, so the colon in "Returns: The place: where it is" is only a colon.
GoogleDocstring._consume_returns_section = lambda self, preprocess_types=False: _parse_returns(self)
GoogleDocstring._parse_attribute_docstring = _parse_attribute
