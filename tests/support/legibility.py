"""Measures in a browser how well a page's texts can be read, and how its headings are nested."""

import io
import time
from base64 import b64decode
from typing import Any

import numpy as np
from devtools import Browser
from PIL import Image

# Charts are images: their SVG is put in their place, so that its texts are texts of the page.
UNPACK = """(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { content-visibility: visible !important; }");
  document.adoptedStyleSheets.push(sheet);
  for (const image of document.querySelectorAll('img[src^="data:image/svg"]')) {
    const { width, height } = image.getBoundingClientRect();
    const box = document.createElement("div");
    box.className = image.className;
    box.innerHTML = decodeURIComponent(image.src.slice(image.src.indexOf(",") + 1));
    Object.assign(box.firstElementChild.style, { width: `${width}px`, height: `${height}px` });
    image.replaceWith(box);
  }
})()"""
TEXTS = """((root) => {
  const found = [], range = document.createRange();
  const note = (text, element, style, boxes) => {
    let opacity = 1;
    for (let each = element; each; each = each.parentElement) {
      opacity *= getComputedStyle(each).opacity;
    }
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const cuts = [];
    for (let each = element; each; each = each.parentElement) {
      if (getComputedStyle(each).overflowX !== "visible") cuts.push(each.getBoundingClientRect());
    }
    for (const { left, top, right, bottom } of boxes) {
      const x = Math.max(left, ...cuts.map((cut) => cut.left));
      const y = Math.max(top, ...cuts.map((cut) => cut.top));
      const width = Math.min(right, ...cuts.map((cut) => cut.right)) - x;
      const height = Math.min(bottom, ...cuts.map((cut) => cut.bottom)) - y;
      const box = [x + scrollX, y + scrollY, width, height];
      if (width > 3 && height > 3) found.push({ text, colour, opacity, box });
    }
  };
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode, element = node.parentElement;
    if (!node.data.trim() || element.closest("[disabled], noscript, title")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    range.selectNodeContents(node);
    note(node.data.trim(), element, getComputedStyle(element), range.getClientRects());
  }
  for (const element of root.querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    for (const part of ["::before", "::after", "::placeholder"]) {
      const style = getComputedStyle(element, part);
      const text = part === "::placeholder" ? element.placeholder : style.content.slice(1, -1);
      const made = part === "::placeholder" || !["none", "normal"].includes(style.content);
      if (made && text && /[^\\s"]/.test(text))
        note(text, element, style, [element.getBoundingClientRect()]);
    }
  }
  return found;
})"""
HIDE = """(() => {
  const sheet = new CSSStyleSheet();  // A page's policy may refuse an element of style.
  sheet.replaceSync(`*, *::before, *::after, *::placeholder { color: transparent !important;
    text-shadow: none !important; transition: none !important; animation: none !important; }
    svg text, svg text * { fill: transparent !important; }`);
  document.adoptedStyleSheets.push(sheet);
})()"""
COLOUR = """(colours => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  return colours.map((colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  });
})"""
LOADED = """Promise.all([...document.images].filter((image) => image.checkVisibility())
  .map((image) => { image.loading = "eager"; return image.decode().catch(() => {}); }))"""
SETTLED = """new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => done(scrollY))))"""
HEADINGS = """[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((each) => each.checkVisibility()).map((each) => +each.tagName[1])"""


def luminance(colours: np.ndarray) -> np.ndarray:
    """Give the relative luminance of colours, [..., 3] from 0 to 255 (WCAG 2.2)."""
    parts = colours / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def picture(browser: Browser) -> np.ndarray:
    """Take a picture of the whole page, window by window: uint8 [H, W, 3]."""
    height = browser.do("document.documentElement.scrollHeight")
    page = np.zeros((height, browser.do("innerWidth"), 3), np.uint8)
    for wanted in range(0, height, browser.do("innerHeight")):
        browser.do(f"scrollTo(0, {wanted})")
        place = browser.do(SETTLED)
        shot = browser.call("Page.captureScreenshot", format="png")
        part = np.asarray(Image.open(io.BytesIO(b64decode(shot["data"]))).convert("RGB"))
        page[place : place + len(part)] = part[: height - place, : page.shape[1]]
    return page


def contrasts(browser: Browser, root: str = "body") -> list[tuple[float, str]]:
    """Measure the contrast of each text in ``root`` with what is behind it, the lowest first."""
    browser.do(f"{LOADED}.then(() => 0)")  # or a picture that comes later moves the texts
    browser.do(UNPACK)
    texts: list[dict[str, Any]] = browser.do(f"{TEXTS}(document.querySelector('{root}'))")
    assert texts
    names = sorted({each["colour"] for each in texts})
    rgba = dict(zip(names, np.array(browser.do(f"{COLOUR}({names})"), float), strict=True))
    browser.do(HIDE)
    time.sleep(0.5)  # until it is painted so
    page = picture(browser)
    found = []
    for each in texts:
        x, y, width, height = (round(number) for number in each["box"])
        behind = page[max(y, 0) : y + height, max(x, 0) : x + width].reshape(-1, 3)
        if not len(behind):  # scrolled out of sight
            continue
        shades, counts = np.unique(behind, axis=0, return_counts=True)
        ground = shades[counts.argmax()].astype(float)
        *colour, alpha = rgba[each["colour"]]
        alpha *= each["opacity"] / 255
        over = alpha * np.array(colour) + (1 - alpha) * ground
        low, high = sorted(luminance(np.array([ground, over])).tolist())
        told = f"{each['text'][:40]!r}: {each['colour']} on rgb{tuple(ground.astype(int).tolist())}"
        found.append(((high + 0.05) / (low + 0.05), told))
    return sorted(found)
