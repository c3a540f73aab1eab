"""A real browser without a window, in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
SECONDS = 60

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser to open the report in: none of {', '.join(BROWSERS)}"
)


def browse(address: str, folder: Path, *options: str) -> tuple[str, str]:
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
