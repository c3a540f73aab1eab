"""A page in a browser without a window, driven through the browser's own pipe (CDP)."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from browser import BROWSER

SECONDS = 120

# The browser reads commands from its file 3 and writes answers to its file 4.
LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


PROBE = """(async () => {
  await Promise.all([...document.images].map((image) => {
    image.loading = "eager";
    return image.decode().catch(() => {});
  }));
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
  return { images, page: document.documentElement.scrollWidth, window: innerWidth, ...more };
})()"""


class PageError(AssertionError):
    """What the page's own script raised."""


class Browser:
    """A browser with one page.

    Args:
        folder: For its profile.
        options: The browser's, further ones.

    Attributes:
        complaints: What went wrong on the page: errors, and what it wrote to the console.
        requested: The addresses that it loaded.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        assert BROWSER
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out)),
                *(BROWSER, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage"),
                *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", "--disable-extensions", "--remote-debugging-pipe"),
                f"--user-data-dir={folder / 'profile'}",
                *options,
                "about:blank",
            ],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "HOME": str(folder)},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self._events: deque[dict[str, Any]] = deque()
        self.complaints: list[str] = []
        self.requested: list[str] = []
        target = self._first_page()
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _first_page(self) -> str:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for info in self.call("Target.getTargets")["targetInfos"]:
                if info["type"] == "page":
                    return info["targetId"]
            time.sleep(0.05)
        raise AssertionError("the browser has no page")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and give its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(end - time.monotonic(), 0))
            assert ready, f"the browser is silent for {SECONDS} s"
            more = os.read(self._from, 1 << 20)
            assert more, "the browser ended"
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                what = details.get("exception", {}).get("description", "")
                self.complaints.append(f"{details['text']} {what}")
            case "Runtime.consoleAPICalled":
                words = [str(each.get("value", each.get("description"))) for each in params["args"]]
                self.complaints.append(f"console.{params['type']}: {' '.join(words)}")
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])

    def open(self, address: str) -> None:
        """Load a page, and wait until it is loaded."""
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def do(self, script: str) -> Any:
        """Run JavaScript in the page, an expression that may be a promise; give its value."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if details := result.get("exceptionDetails"):
            raise PageError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.do(f"Boolean({condition})"):
            assert time.monotonic() < end, f"not within {seconds} s: {condition}"
            time.sleep(0.03)

    def resize(self, width: int, height: int, *, phone: bool = False, dark: bool = False) -> None:
        """Give the window a size, a phone's touch screen, and a colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str, code: str = "", *, shift: bool = False) -> None:
        """Press a key, and let it go."""
        text = key if len(key) == 1 else {"Enter": "\r"}.get(key, "")
        known = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37}
        known |= {"ArrowUp": 38, "ArrowDown": 40, "Home": 36, "End": 35, " ": 32}
        number = known.get(key, ord(key.upper()) if len(key) == 1 else 0)
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=code or key,
                windowsVirtualKeyCode=number,
                modifiers=8 if shift else 0,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send a mouse event: ``mousePressed``, ``mouseMoved``, ``mouseWheel`` …"""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """Click at a place."""
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def picture(self, file: Path) -> None:
        """Save what the window shows as a PNG."""
        from base64 import b64decode

        shot = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser and all its helpers."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)


def measure(
    browser: Browser,
    page: str,
    folder: Path,
    *,
    width: int = 1280,
    dark: bool = False,
    more: str = "return {}",
) -> tuple[dict[str, Any], list[str]]:
    """Open a page in a window of some width.

    Args:
        browser: The browser.
        page: The page.
        folder: Where a copy of it goes.
        width: The window's.
        dark: Whether the browser asks for dark colours.
        more: JavaScript that does something with the page, and gives what it measured.

    Returns:
        What was measured, and what went wrong.
    """
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    browser.complaints.clear()
    browser.resize(width, 900, dark=dark)
    browser.open(file.as_uri())
    return browser.do(PROBE.replace("MORE", more)), [*browser.complaints]
