"""Draw the best images of a run into one picture, with their classes and confidences.

python docs/images/contact_sheet.py runs/mnist/mnist-1 docs/images/mnist.png
python docs/images/contact_sheet.py runs/digits-1 digits.png --columns 10 --side 96 --redrawn
python docs/images/contact_sheet.py runs/imagenet-1 new.webp --distinct 40 --least 0.9 --columns 8
python docs/images/contact_sheet.py runs/imagenet-1 bus.png --classes "school bus" volcano
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from neatfool import EliteView, choose_elites, open_run
from neatfool.wording import percent

GAP, LINE = 16, 19
INK, BLUE, PAPER = "#f3f5f7", "#7cc0f5", "#23272b"  # legible on light and dark pages
FONTS = Path(get_data_path(), "fonts", "ttf")


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"{name}.ttf", size)


def tile(elite: EliteView, side: int, *, redrawn: bool) -> Image.Image:
    """Draw one image as it was scored, its pixels large or made smaller, and what it passes for."""
    pixels = elite.image()
    way = Image.Resampling.NEAREST if pixels.width < side else Image.Resampling.LANCZOS
    down = round(side * pixels.height / pixels.width)
    shown = [pixels.resize((side, down), way)] + [elite.image((down, side))] * redrawn
    words = len(shown) * (down + 6) - 6
    drawn = Image.new("RGB", (side, words + 2 * LINE + 6), PAPER)
    for place, image in enumerate(shown):
        drawn.paste(image.convert("RGB"), (0, place * (down + 6)))
    pen, bold = ImageDraw.Draw(drawn), font("DejaVuSans-Bold", 14)
    name = f"“{elite.name}”"
    while pen.textlength(name, bold) > side:
        name = name.removesuffix("”").removesuffix("…")[:-1] + "…”"
    pen.text((0, words + 4), name, INK, bold)
    pen.text((0, words + 5 + LINE), percent(elite.confidence), BLUE, font("DejaVuSans", 12))
    return drawn


def sheet(tiles: list[Image.Image], columns: int) -> Image.Image:
    """Put tiles side by side, in rows."""
    across, down = tiles[0].width + GAP, tiles[0].height + GAP
    rows = -(-len(tiles) // columns)
    drawn = Image.new("RGB", (columns * across + GAP, rows * down + GAP), PAPER)
    for place, each in enumerate(tiles):
        drawn.paste(each, (GAP + place % columns * across, GAP + place // columns * down))
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=10, help="the surest so many (10)")
    parser.add_argument("--classes", nargs="+", default=[], help="these in place of the surest")
    parser.add_argument("--least", type=float, default=0.0, help="of these confidences (0)")
    parser.add_argument("--distinct", type=int, help="so many that are unlike each other")
    parser.add_argument("--columns", type=int, default=5, help="images a row (5)")
    parser.add_argument("--side", type=int, default=140, help="pixels across an image (140)")
    parser.add_argument(
        "--redrawn", action="store_true", help="below each what its genome draws, as large"
    )
    given = parser.parse_args()
    run = open_run(given.run)
    chosen = choose_elites(run, classes=given.classes, least=given.least, distinct=given.distinct)
    if not (given.classes or given.distinct):
        chosen = sorted(chosen, key=lambda elite: -elite.confidence)[: given.most]
    chosen.sort(key=lambda elite: elite.index)
    tiles = [tile(elite, given.side, redrawn=given.redrawn) for elite in chosen]
    # For .png the first is ignored, for .webp the last.
    sheet(tiles, given.columns).save(given.out, quality=90, method=6, optimize=True)


if __name__ == "__main__":
    main()
