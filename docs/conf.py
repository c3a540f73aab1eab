"""How Sphinx builds the documentation: ``tox run -e docs``."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from subprocess import SubprocessError
from typing import TYPE_CHECKING

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
    "fooling_images",
    "myst_nb",
]
exclude_patterns = ["_build", "_extra", "colab"]
default_role = "code"

html_theme = "furo"
html_title = f"neatfool {release}"
html_extra_path = ["_extra"]
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_sourcelink = html_copy_source = False

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
    app.connect("build-finished", _add_pages)
