"""The page as one file, and as a site with onnxruntime-web, and a browser to open them in."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from browser import BROWSER
from commands import neatfool
from devtools import Browser
from npm_packages import npm_package

from neatfool_plugins.demo.onnxruntime_web import PACKAGE, VERSION

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_BYTES = 1_200_000


@pytest.fixture(scope="package")
def address(tmp_path_factory):
    """Write the page as one file."""
    file = tmp_path_factory.mktemp("page") / "fool.html"
    assert neatfool("demo", "--page", file).exit_code == 0
    assert file.stat().st_size < LARGEST_BYTES
    return file.as_uri()


@pytest.fixture(scope="package")
def browser(tmp_path_factory):
    if BROWSER is None:
        pytest.skip("no browser to open the page in")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


class Site(ThreadingHTTPServer):
    """A folder, served on the loopback, and the paths that were asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.server_address[1]}/fool.html"


class _Handler(SimpleHTTPRequestHandler):
    server: Site

    def log_message(self, *_: object) -> None:
        self.server.paths.append(self.path)


@pytest.fixture(scope="package")
def site(request, tmp_path_factory):
    """Serve the page with onnxruntime-web beside it."""
    folder = tmp_path_factory.mktemp("site")
    runtime = npm_package(request, PACKAGE, VERSION)
    neatfool("demo", "--page", folder / "fool.html", "--onnx", runtime, exit_code=0)
    with Site(folder) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
