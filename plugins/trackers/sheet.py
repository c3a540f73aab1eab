"""A contact sheet: some of a run's elites in one picture."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from PIL import Image

from neatfool import RunError

if TYPE_CHECKING:
    from neatfool import Run

MOST: Final = 100
"""So many elites are on a sheet at most, so that one of 1,000 classes takes no longer to make."""
COLUMNS: Final = 10
SIDE: Final = 96
"""The longer side of an image, in pixels: smaller ones are enlarged by a whole number."""
GAP: Final = 4
PAPER: Final = "#ffffff"


def draw_sheet(run: Run) -> Image.Image | None:
    """Draw the elites of evenly spaced classes, always the same ones; None if there is none."""
    step = max(1, -(-len(run.searched) // MOST))
    chosen = [*run.searched[::step]]
    tiles: dict[int, Image.Image] = {}
    for place, index in enumerate(chosen):
        with suppress(RunError):  # it has no elite yet
            tiles[place] = _fit(run.elite(index).image())
    if not tiles:
        return None
    width, height = (max(tile.size[axis] for tile in tiles.values()) + GAP for axis in (0, 1))
    columns = min(COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), PAPER)
    for place, tile in tiles.items():
        sheet.paste(tile, (GAP + place % columns * width, GAP + place // columns * height))
    return sheet


def _fit(image: Image.Image) -> Image.Image:
    longer = max(image.size)
    if longer > SIDE:
        image = image.convert("RGB")
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        return image
    scale = SIDE // longer
    size = (image.width * scale, image.height * scale)
    return image.convert("RGB").resize(size, Image.Resampling.NEAREST)
