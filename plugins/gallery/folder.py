"""Writes the folder of a gallery: the page, what it shows, and the saved images."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from neatfool import StorageError, cppn
from neatfool.analysis import read_survival
from neatfool.files import refuse_link
from neatfool.present import save
from neatfool.wording import percent, share

from .networks import FUNCTIONS, settings_of, write_networks

if TYPE_CHECKING:
    from neatfool import EliteView, Run
    from neatfool.analysis import KeptSurvival

PAGE: Final = Path(__file__).with_name("page")
INDEX: Final = "index.html"
DATA, IMAGES, SCRIPTS = "data", "images", "page"
FORMULAS: Final = "glsl.js"
MARK: Final = "renderer.js"
"""A folder with this file among its scripts is a gallery, and may be replaced."""
AT_ONCE: Final = 25
"""The networks in one file: some 70 kB, which a browser reads at once."""
SIDE: Final = 224
"""The most pixels of a side of a reduced image: a tile's on a sharp screen."""
QUALITY: Final = 80
"""WebP's quality of a reduced image: a seventh of the bytes of an exact one."""


def write_gallery(
    chosen: Sequence[tuple[Run, Sequence[EliteView]]],
    folder: Path,
    *,
    steps: int,
    images: str,
    note: Callable[[str, int], None],
) -> int:
    """Write a gallery of some elites of runs; one that is there is replaced.

    Up to so many ``steps`` of each line of ancestors are shown; :func:`image_of` says how images
    are. Gives the bytes written.
    """
    try:
        _make_ready(folder)
    except OSError as error:
        cause = error.strerror or error
        raise StorageError(f"{folder}: cannot be written: {cause}") from error
    total, runs = write_scripts(folder), []
    for number, (run, elites) in enumerate(chosen):
        wrote, description = _write_run(
            folder, number, run, elites, steps=steps, images=images, note=note
        )
        total += wrote
        runs.append(description)
    index = {
        "functions": FUNCTIONS,
        "glyphs": {
            name: {"colour": each.glyph.colour, "points": each.glyph.points().round(3).tolist()}
            for name, each in cppn.ACTIVATIONS.items()
        },
        "runs": runs,
        "together": AT_ONCE,
        "steps": steps,
        "images": images,
    }
    total += _write(folder, f"{DATA}/index.js", as_script("index", index))
    # Last, so that a page that is there is whole.
    return total + _write(folder, INDEX, (PAGE / INDEX).read_bytes())


def write_scripts(folder: Path) -> int:
    """Write all of the page but its index and its data; give the bytes written."""
    files = {file.name: file.read_bytes() for file in sorted(PAGE.iterdir()) if file.is_file()}
    del files[INDEX]
    files[FORMULAS] = formulas()
    return sum(_write(folder, f"{SCRIPTS}/{name}", data) for name, data in files.items())


def formulas() -> bytes:
    """Write what the nodes of a network compute in GLSL, as a script."""
    table = json.dumps({**cppn.GLSL}, indent=1)
    return f"window.neatfool = window.neatfool || {{}};\nwindow.neatfool.glsl = {table};\n".encode()


def _write_run(
    folder: Path,
    number: int,
    run: Run,
    elites: Sequence[EliteView],
    *,
    steps: int,
    images: str,
    note: Callable[[str, int], None],
) -> tuple[int, dict[str, Any]]:
    """Write a run's images and networks; give the bytes written, and what the page is told."""
    total = 0

    def write_part(part: int, networks: list[dict[str, Any]]) -> None:
        nonlocal total
        name = f"{number}/networks-{part}"
        total += _write(folder, f"{DATA}/{name}.js", as_script(name, networks))

    numbers: Iterable[int | None] = [None] * len(elites)
    if settings_of(run) is not None:
        numbers = write_networks(run, elites, together=AT_ONCE, steps=steps, write=write_part)
    kept, described = read_survival(run), []
    for elite, network in zip(elites, numbers, strict=True):
        facts = describe_elite(elite, kept)
        if image := image_of(elite, images):
            facts["file"], data = image
            total += _write(folder, f"{IMAGES}/{number}/{image[0]}", data)
        if network is not None:
            facts["network"] = network
        described.append(facts)
        note(f"{run.name}, seed {run.seed}", 1)
    target = run.experiment.get("target", {})
    description = {
        "name": run.name,
        "seed": run.seed,
        "folder": run.path.resolve().name,
        "about": run.about,
        "target": str(target.get("model") or target.get("plugin") or run.name),
        "images": run.evaluations,
        "generation": run.generation,
        "classes": len(run.searched),
        "width": run.spec.width,
        "height": run.spec.height,
        "drawing": settings_of(run),
        "survival": kept
        and {
            "title": kept.title,
            "text": kept.text,
            "bars": [{"name": name, "kept": share(part)} for name, part, _ in kept.bars],
        },
        "elites": described,
    }
    return total, description


def as_script(name: str, data: Any) -> bytes:
    """Write data as a script: a page that is opened from disk may load nothing else."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'neatfool.data.put("{name}",{text});\n'.encode("ascii")


def _write(folder: Path, name: str, data: bytes) -> int:
    save(folder / name, data, within=folder)
    return len(data)


def _make_ready(folder: Path) -> None:
    """Empty a folder that holds a gallery, whole or not; refuse what is something else."""
    ours = {INDEX, DATA, IMAGES, SCRIPTS}
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder}: is a file; give another folder with --out")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there and (there - ours or not (folder / SCRIPTS / MARK).exists()):
        stranger = sorted(there - ours or there)[0]
        raise StorageError(
            f"{folder}: holds no gallery, but {stranger!r}; give an empty or new folder with --out"
        )
    (folder / INDEX).unlink(missing_ok=True)
    for name in (DATA, IMAGES):
        if (folder / name).exists():
            shutil.rmtree(refuse_link(folder / name))


def image_of(elite: EliteView, kind: str) -> tuple[str, bytes] | None:
    """Give the name and the bytes of an elite's image: ``kind`` is one of the option --images.

    ``exact``: the same pixels, in WebP if that is smaller; ``small``: reduced and lossy.
    """
    if kind == "none":
        return None
    png = elite.file.name, elite.png
    if kind == "png":
        return png
    with Image.open(io.BytesIO(elite.png)) as saved:
        # An alpha channel that WebP drops, and more than 8 bits, are no part of a target's image.
        picture = saved.convert("RGB")
    if kind == "small":
        picture.thumbnail((SIDE, SIDE))
    written = io.BytesIO()
    settings = {"quality": QUALITY} if kind == "small" else {"lossless": True}
    picture.save(written, "WEBP", method=4, **settings)
    webp = elite.file.with_suffix(".webp").name, written.getvalue()
    return min(webp, png, key=lambda image: len(image[1]))


def describe_elite(elite: EliteView, kept: KeptSurvival | None) -> dict[str, Any]:
    """Describe an elite in a few words and figures, and with what is known to survive of it."""
    changes = kept.of(elite) if kept else {}
    survived = [
        [words, percent(changes[name][0]), changes[name][1]]
        for name, words in (kept.usual if kept else {}).items()
        if name in changes
    ]
    return {
        "index": elite.index,
        "name": elite.name,
        "confidence": float(f"{elite.confidence:.9g}"),
        "rank": float(f"{elite.rank:.9g}"),
        "sure": percent(elite.confidence, elite.rank),
        "generation": elite.generation,
        "candidate": elite.candidate_id,
        "parents": [*elite.parents],
        "nodes": elite.size.nodes,
        "connections": elite.size.connections,
        **({"survived": survived} if survived else {}),
    }
