"""How Sphinx builds the documentation: ``tox run -e docs``."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from subprocess import SubprocessError
from typing import TYPE_CHECKING, Any

from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

from neatfool_plugins.demo.onnxruntime_web import FOLDER, download, unpack
from neatfool_plugins.demo.page import make_page
from neatfool_plugins.gallery.folder import INDEX, PAGE, write_scripts

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

from supplied_network import write_network

project = "neatfool"
author = "the neatfool contributors"
copyright = author
release = version = version_of("neatfool")

extensions = [
    "foolbench",
    "generated",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_extra", "colab"]
default_role = "code"

html_theme = "furo"
html_title = f"neatfool {release}"
html_extra_path = ["_extra"]
html_static_path = ["_static"]
html_css_files = ["site.css"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

# The notebooks are run each time, so they show what this version does. An error in one is an error.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
os.environ.pop("MPLBACKEND", None)  # Figures appear on the page.
os.environ["COLUMNS"] = "78"  # Tables of the command line fit there,
os.environ["TTY_COMPATIBLE"] = "0"  # and progress, which is drawn over itself, is left out.

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


def _parse_examples(docstring: GoogleDocstring, section: str) -> list[str]:
    lines = docstring._indent(docstring._dedent(docstring._consume_to_next_section()), 3)
    return [".. rubric:: Examples", "", ".. code-block:: sh", "", *lines, ""]


# Types stand in the signatures, so the colon in "Returns: The place: where it is" is only a colon.
GoogleDocstring._consume_returns_section = lambda self, preprocess_types=False: _parse_returns(self)
GoogleDocstring._parse_attribute_docstring = _parse_attribute
# The examples of a measure are those of its command.
GoogleDocstring._parse_examples_section = _parse_examples


def _describe_data(app: Sphinx, what: str, name: str, value: object, *parts: Any) -> None:
    """Describe a constant by what stands below it where it is defined, not by its type."""
    if what == "data":
        lines = parts[-1]
        package, _, key = name.rpartition(".")
        inside = [each for each in sys.modules if each.startswith(f"{package}.")]
        for module in (each for each in inside if vars(sys.modules[each]).get(key) is value):
            lines[:] = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", key), lines)


def _make_demo(folder: Path, cache: Path) -> str:
    """Make the demo's page, with onnxruntime-web and a network in a folder beside it.

    Where the network, npm or a package is missing, the page does without, and the build says so.
    """
    say = logging.getLogger(__name__).info
    try:
        unpack(download(cache), folder)
    except (OSError, SubprocessError) as error:
        say("The demo's page is without onnxruntime-web: %s", error)
        return make_page()
    try:
        return make_page(engine=True, networks=[write_network(folder, cache)])
    except (ImportError, OSError, RuntimeError) as error:
        say("The demo's page is without ResNet-20: %s", error)
        return make_page(engine=True)


def _add_pages(app: Sphinx, error: Exception | None) -> None:
    """Add the demo's page, and the gallery's, whose data and images are in ``_extra``."""
    if error is None and app.builder.format == "html":
        page = _make_demo(Path(app.outdir) / FOLDER, Path(app.doctreedir))
        Path(app.outdir, "fool.html").write_text(page, encoding="utf-8")
        folder = Path(app.outdir) / "gallery"
        write_scripts(folder)
        shutil.copy(PAGE / INDEX, folder)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("autodoc-process-docstring", _describe_data)
    app.connect("build-finished", _add_pages)
