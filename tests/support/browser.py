"""A real browser without a window, in a process of its own."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
import subprocess
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROBE = """
const errors = [];
addEventListener("error", (event) => errors.push(String(event.message || event.target)), true);
addEventListener("load", () => {
  const colours = (image) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 96;
    const context = canvas.getContext("2d");
    try { context.drawImage(image, 0, 0, 96, 96); } catch (error) { return 0; }
    const pixels = new Uint32Array(context.getImageData(0, 0, 96, 96).data.buffer);
    return new Set(pixels).size;
  };
  const images = [...document.images].map((image) => ({
    kind: image.className, natural: image.naturalWidth, colours: colours(image),
    width: image.getBoundingClientRect().width, height: image.getBoundingClientRect().height,
  }));
  const more = (() => { MORE })();
  const result = document.createElement("pre");
  result.id = "measured";
  result.textContent = JSON.stringify({
    images, errors, page: document.documentElement.scrollWidth, window: innerWidth, ...more,
  });
  document.body.append(result);
});
"""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
SECONDS = 60

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser to open the report in: none of {', '.join(BROWSERS)}"
)


def measure(
    page: str, folder: Path, *options: str, more: str = "return {}"
) -> tuple[dict[str, Any], list[str]]:
    """Open a page with a probe in it.

    Args:
        page: The page, whose policy lets no other script run.
        folder: Where a copy of it goes.
        options: The browser's.
        more: JavaScript that does something with the page, and gives what it measured.

    Returns:
        What the probe measured, and the lines that went to the console.
    """
    probe = PROBE.replace("MORE", more)
    digest = b64encode(sha256(probe.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{digest}'"
    if "script-src " in page:
        page = page.replace("script-src ", f"{allowed} ", 1)
    else:
        page = page.replace("default-src 'none'", f"default-src 'none'; {allowed}", 1)
    path = folder / "probed.html"
    page = page.replace("</title>", f"</title><script>{probe}</script>", 1)
    path.write_text(page, encoding="utf-8")
    output, complaints = _browse(path.as_uri(), folder, *options)
    measured = re.search(r'<pre id="measured">(.*?)</pre>', output, re.DOTALL)
    assert measured, f"the browser did not load the page:\n{complaints[-3000:]}"
    console = [line for line in complaints.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(measured[1])), console


def _browse(address: str, folder: Path, *options: str) -> tuple[str, str]:
    """Load a page headless; give its document and what the browser wrote to stderr."""
    assert BROWSER
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        f"--user-data-dir={folder / 'profile'}",
        "--enable-logging=stderr",
        "--v=0",
        "--window-size=1280,1000",
        "--dump-dom",
        *options,
        address,
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        env={**os.environ, "HOME": str(folder)},
    )
    try:
        return process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{BROWSER} took over {SECONDS} s")
    finally:
        # Its helpers outlive it at times: the whole group that it leads is ended.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
