"""Films of a line of ancestors: GIF, WebP, APNG and, where ffmpeg is installed, MP4."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from neatfool.errors import ExperimentError, printable
from neatfool.present.output import Output
from neatfool.present.saving import save
from neatfool.run.images import to_pillow

if TYPE_CHECKING:
    from neatfool.run.individual import Ancestor

Frame: TypeAlias = tuple[Image.Image, int]
"""A frame of a film, and for how many ticks it stays."""
FORMATS: Final = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG", ".mp4": "MP4"}
"""The suffixes of films, and what they are."""
MOST_STEPS: Final = 40
"""So many pictures of a line are shown: half a minute."""
LARGEST: Final = 720
"""The most pixels of a picture's longer side."""
SMALL: Final = 64
"""Pictures are compared at this many pixels of the longer side."""
BETWEEN: Final = 4
"""So many frames it takes from a picture to the next."""
TICK: Final = 50
"""Milliseconds of a frame, of which a GIF has hundredths of a second."""
STAY: Final = 8
"""For so many ticks a picture stays."""
LAST: Final = 50
"""For so many ticks the last one stays."""


def write_animation(
    lineage: Sequence[Ancestor],
    path: str | Path,
    *,
    size: int = 256,
    console: Output | None = None,
) -> Path:
    """Write a film of how an elite came to be, from its first ancestor on.

    Each picture stays for a moment and fades into the next; below it stand its generation, the
    class it was best at and its confidence. A long line is cut to 40 pictures, chosen so that from
    each to the next the image changes about equally: of a hundred ancestors that look alike, one
    or none is shown.

    For example::

        neatfool.present.write_animation(run.lineage("3"), "three.gif")

    Args:
        lineage: What :meth:`neatfool.Run.lineage` gives, the elite first.
        path: The file. Its suffix decides the format: ``.gif``, ``.webp``, ``.png`` (an animated
            one), or ``.mp4``, for which ffmpeg must be installed.
        size: The pixels of the pictures' longer side, 720 at most.
        console: Shows how far it is.

    Returns:
        The file.

    Raises:
        ExperimentError: The format or the size is not possible, or ffmpeg is missing.
        StorageError: The file cannot be written.
    """
    path = Path(path)
    _check_film(path, size)
    oldest_first = [*reversed(lineage)]
    total = len(oldest_first) + min(len(oldest_first), MOST_STEPS)
    with (console or Output(stderr=True, quiet=True)).progress(total, "pictures") as note:
        shown = []
        for ancestor in choose_steps(oldest_first, note):
            shown.append(_draw(ancestor, size))
            note("drawing", 1)
    kind = FORMATS[path.suffix.lower()]
    return save(path, _film(fade(shown)) if kind == "MP4" else _encode(fade(shown), kind))


def _check_film(path: Path, size: int) -> None:
    """Refuse a file or a size that no film can have, before anything is drawn."""
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise ExperimentError(f"{path}: {path.suffix!r} is no format of films; use {known}")
    if not 1 <= size <= LARGEST:
        raise ExperimentError(f"{path}: a film has 1 to {LARGEST} pixels a side, not {size}")
    if path.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise ExperimentError(f"{path}: needs ffmpeg; install it, or write .gif, .webp or .png")


def choose_steps(
    lineage: Sequence[Ancestor], note: Callable[[str, int], None], most: int = MOST_STEPS
) -> list[Ancestor]:
    """Choose some of a line, oldest first, between which the image changes about equally."""
    changes, before = [0.0], None
    for ancestor in lineage:
        small = ancestor.pixels(SMALL).astype(np.float32)
        if before is not None:
            changes.append(changes[-1] + float(np.abs(small - before).mean()))
        before = small
        note("comparing", 1)
    if len(lineage) <= most:
        return [*lineage]
    wanted = np.linspace(0, changes[-1], most)
    places = {*np.searchsorted(changes, wanted).tolist(), len(lineage) - 1}
    return [lineage[place] for place in sorted(places)][-most:]


def fade(shown: Sequence[Image.Image]) -> Iterator[Frame]:
    """Let each picture stay for a while and fade into the next."""
    for now, then in pairwise(shown):
        yield now, STAY
        for step in range(1, BETWEEN):
            yield Image.blend(now, then, step / BETWEEN), 1
    yield shown[-1], LAST


def _draw(ancestor: Ancestor, size: int) -> Image.Image:
    """Draw a picture with its caption below, both sides even, as films need them."""
    picture = to_pillow(ancestor.pixels(size))
    width, height = (side + side % 2 for side in picture.size)
    strip = 2 * max(8, round(size / 26))
    canvas = Image.new(picture.mode, (width, height + strip), "white")
    canvas.paste(picture)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(0.62 * strip)
    text = printable(ancestor.caption)
    while text and draw.textlength(text, font) > width:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    draw.text((width / 2, height + strip / 2), text, "black", font, anchor="mm")
    return canvas


def _encode(frames: Iterator[Frame], kind: str) -> bytes:
    (first, *others), ticks = zip(*frames, strict=True)
    encoded, times = BytesIO(), [TICK * each for each in ticks]
    first.save(encoded, kind, save_all=True, append_images=others, duration=times, loop=0)
    return encoded.getvalue()


def _film(frames: Iterator[Frame]) -> bytes:
    """Let ffmpeg make an MP4 that every browser plays."""
    frame = next(frames)
    width, height = frame[0].size
    taken = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {1000 // TICK} -i -"
    made = "-c:v libx264 -pix_fmt yuv420p -movflags +faststart -loglevel error"
    with TemporaryDirectory() as folder:
        file = Path(folder, "film.mp4")
        process = subprocess.Popen(  # noqa: S603 - the program of this machine, no text of a run
            [shutil.which("ffmpeg") or "ffmpeg", *taken.split(), *made.split(), str(file)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin
        try:
            for image, ticks in (frame, *frames):
                process.stdin.write(image.convert("RGB").tobytes() * ticks)
        except BrokenPipeError:
            pass  # it says why
        _, said = process.communicate()
        if process.returncode or not file.is_file():
            words = " ".join(said.decode("utf-8", "replace").split())[-300:]
            raise ExperimentError(f"ffmpeg failed: {words}; write .gif, .webp or .png instead")
        return file.read_bytes()
