"""Looks for barriers on a page: with axe-core, and by going through it with the Tab key."""

import json
import tarfile
from base64 import b64decode
from hashlib import sha512

import pytest
from devtools import Browser
from npm_packages import npm_package

VERSION = "4.14.1"
DIGEST = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
MOST_STEPS = 40
FOCUSED = """(() => {
  // A node of a graph has another line around its circle.
  const line = (node) => getComputedStyle(node.querySelector("circle") ?? node).strokeDasharray;
  const focused = document.activeElement;
  if (!focused || focused === document.body) return { end: true };
  const { outlineStyle, boxShadow } = getComputedStyle(focused);
  const { width, height } = focused.getBoundingClientRect();
  const again = walked.indexOf(focused);
  walked.push(focused);
  return {
    end: again === 0, trapped: again > 0, html: focused.outerHTML.slice(0, 120),
    seen: width > 0 && height > 0 &&
      (outlineStyle !== "none" || boxShadow !== "none" || line(focused) !== "none"),
  };
})()"""


def read_axe(request: pytest.FixtureRequest) -> str:
    """Give the script of axe-core; skip the test where npm has none."""
    file = npm_package(request, "axe-core", VERSION)
    assert sha512(file.read_bytes()).digest() == b64decode(DIGEST)
    with tarfile.open(file) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def violations(browser: Browser, axe: str) -> list[str]:
    """Give what axe-core objects to; nothing may be wider than the window."""
    browser.call("Runtime.evaluate", expression=axe)
    found = json.loads(browser.do("axe.run().then((found) => JSON.stringify(found))"))
    assert len(found["passes"]) > 10, "it looked at the page"
    assert browser.do("document.documentElement.scrollWidth <= innerWidth")
    nodes = [(each["id"], node["html"]) for each in found["violations"] for node in each["nodes"]]
    return [f"{rule}: {html[:150]}" for rule, html in nodes]


def walk(browser: Browser) -> list[str]:
    """Press Tab from the top; give where the focus cannot be seen, or does not go on."""
    browser.do("window.walked = []; document.activeElement.blur(); scrollTo(0, 0)")
    faults = []
    for _ in range(MOST_STEPS):
        browser.press("Tab")
        step = browser.do(FOCUSED)
        if step["end"]:
            break
        if step["trapped"] or not step["seen"]:
            faults.append(f"{'trapped' if step['trapped'] else 'not seen'}: {step['html']}")
    return faults
