"""How Sphinx builds the documentation: ``tox run -e docs``."""

from __future__ import annotations

from importlib.metadata import version as version_of

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
