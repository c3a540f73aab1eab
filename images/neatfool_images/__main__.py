"""Write the images as files: ``python -m neatfool_images FOLDER --size 224``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from . import FoolingImages, Tier, write_openood

parser = argparse.ArgumentParser(
    prog="python -m neatfool_images",
    description="Write the images as PNGs, with the list imglist.txt that OpenOOD reads.",
)
parser.add_argument("folder", type=Path, help="where to write them")
parser.add_argument("--size", type=int, help="pixels of each side; if absent, their networks'")
parser.add_argument("--tier", choices=get_args(Tier), help="only those of this tier")
parser.add_argument("--network", help="only those of this network")
parser.add_argument("--data", help="only those of networks with these classes, such as ImageNet")
parser.add_argument("--least", type=float, default=0.5, help="only those at least so sure")
parser.add_argument(
    "--mode", default="RGB", choices=("RGB", "L"), help="the kind of the files, RGB or L"
)
given = vars(parser.parse_args())
folder = given.pop("folder")
try:
    data = FoolingImages(**given)
    listed = write_openood(folder, data)
except (ValueError, OSError) as error:
    parser.error(str(error))
print(f"{listed}: {len(data):,} images")
