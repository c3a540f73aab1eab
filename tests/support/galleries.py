"""Small runs for galleries, and a browser that draws formulas."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from commands import PLUGIN, neatfool, run_small
from devtools import Browser

from neatfool.cppn import ACTIVATIONS
from neatfool.present import drawing_scripts

MARKUP = "<img src=x onerror=document.title='seized'>"
"""The name of a class in the small runs."""

DRAW = """
window.draw = async (renderer, genome, spec, view, shared) => {
  const network = new neatfool.Network(genome, ACTIVATIONS);
  const picture = { network, spec };
  if (shared) picture.code = network.code(spec.functions);
  else picture.parameters = network.parameters();
  const image = await renderer.draw(picture, view).image;
  let text = "";
  for (const value of image.data) text += String.fromCharCode(value);
  return btoa(text);
};
window.renderer = new neatfool.Renderer(OPTIONS);
"""


class Pen:
    """Draws formulas in the browser."""

    def __init__(self, browser: Browser, folder: Path, **options: Any) -> None:
        for name, script in drawing_scripts().items():
            (folder / name).write_bytes(script)
        scripts = "".join(f'<script src="{name}"></script>' for name in drawing_scripts())
        file = folder / "pen.html"
        file.write_text(f"<!doctype html><meta charset=utf-8>{scripts}", encoding="utf-8")
        self.browser = browser
        browser.open(file.as_uri())
        script = DRAW.replace("ACTIVATIONS", json.dumps([*ACTIVATIONS]))
        browser.do(script.replace("OPTIONS", json.dumps(options)) + "; 0")
        assert browser.do("renderer.works")

    def draw(self, formula: dict, spec: dict, view: dict, *, shared: bool = False) -> np.ndarray:
        """Give uint8 [3, height, width], drawn by a program of its own, or by the shared one."""
        given = ", ".join(json.dumps(each) for each in (formula, spec, view, shared))
        answer = self.browser.do(f"draw(renderer, {given})")
        pixels = np.frombuffer(base64.b64decode(answer), np.uint8)
        return pixels.reshape(view["height"], view["width"], 4)[..., :3].transpose(2, 0, 1)


def make_run(folder: Path, seed: int, *sets: str) -> Path:
    """Make a small run whose classes have markup in their names; give its folder."""
    plugin = PLUGIN.replace("'dark'", repr(MARKUP))
    return run_small(folder, f"experiment.seed={seed}", *sets, plugin=plugin, out=f"runs/{seed}")


def write(folder: Path, paths: Sequence[Path], *options: object) -> Path:
    """Write a gallery; give its page."""
    neatfool("gallery", *paths, "--out", folder, *options, exit_code=0)
    return folder / "index.html"
