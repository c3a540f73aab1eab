"""Writes a gallery's folder: the page, saved images, networks of elites and their ancestors."""

import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from neatfool import Ancestor, EliteView, Run, StorageError, cppn
from neatfool.files import refuse_link
from neatfool.measure import SurvivalRecord, read_survival
from neatfool.present import (
    describe_look,
    drawing_scripts,
    encode_formula,
    evenly,
    save,
    summarize_run,
    target_name,
)
from neatfool.wording import share

PAGE: Final = Path(__file__).with_name("page")
INDEX: Final = "index.html"
DATA, IMAGES, SCRIPTS = "data", "images", "page"
MARK: Final = "renderer.js"
"""A folder with this file among its scripts is a gallery, and may be replaced."""
AT_ONCE: Final = 25
"""The networks in one file: some 70 kB, which a browser reads at once."""
SIDE: Final = 224
"""The most pixels of a side of a reduced image: a tile's on a sharp screen."""
STEPS: Final = 16
"""The ancestors of each elite that are shown, evenly chosen from its line."""
QUALITY: Final = 80
"""WebP's quality of a reduced image: a seventh of the bytes of an exact one."""


def write_gallery(
    chosen: Sequence[tuple[Run, Sequence[EliteView]]],
    folder: Path,
    *,
    small: bool,
    note: Callable[[str, int], None],
) -> int:
    """Write a gallery of some elites of runs, or replace one; give the bytes written."""
    try:
        _make_ready(folder)
    except OSError as error:
        cause = error.strerror or error
        raise StorageError(f"{folder}: cannot be written: {cause}") from error
    write_scripts(folder)
    runs = [
        _write_run(folder, number, run, elites, small=small, note=note)
        for number, (run, elites) in enumerate(chosen)
    ]
    # Again: drawing a run may have added activations of plugins.
    write_scripts(folder)
    index = {
        "activations": [*cppn.ACTIVATIONS],
        "glyphs": {
            name: {"colour": each.colour, "points": each.curve().round(3).tolist()}
            for name, each in cppn.ACTIVATIONS.items()
        },
        "runs": runs,
        "together": AT_ONCE,
        "steps": STEPS,
        "images": "small" if small else "exact",
    }
    save(folder / DATA / "index.js", format_script("index", index), within=folder)
    # Last, so that a page that is there is whole.
    save(folder / INDEX, (PAGE / INDEX).read_bytes())
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def write_scripts(folder: Path) -> None:
    """Write all of the page but its index and its data."""
    files = {file.name: file.read_bytes() for file in sorted(PAGE.iterdir()) if file.is_file()}
    for name, data in (files | drawing_scripts()).items():
        if name != INDEX:
            save(folder / SCRIPTS / name, data, within=folder)


def _write_run(
    folder: Path,
    number: int,
    run: Run,
    elites: Sequence[EliteView],
    *,
    small: bool,
    note: Callable[[str, int], None],
) -> dict[str, Any]:
    """Write a run's images and networks; give what the page is told."""
    drawing = describe_drawing(run, elites)
    numbers: Iterable[int | None] = [None] * len(elites)
    if drawing is not None:
        numbers = _write_networks(folder, number, run, elites)
    kept, described = read_survival(run), []
    for elite, network in zip(elites, numbers, strict=True):
        facts = describe_elite(elite, kept)
        facts["file"], data = encode_image(elite, small=small)
        save(folder / IMAGES / str(number) / facts["file"], data, within=folder)
        if network is not None:
            facts["network"] = network
        described.append(facts)
        note(f"{run.name}, seed {run.seed}", 1)
    return {
        "name": run.name,
        "seed": run.seed,
        "folder": run.path.resolve().name,
        "about": run.about,
        "objective": run.spec.is_objective,
        "target": target_name(run),
        "title": summarize_run(run),
        "images": run.evaluations,
        "generation": run.generation,
        "classes": len(run.searched),
        "width": run.spec.width,
        "height": run.spec.height,
        "drawing": drawing,
        "survival": kept
        and {
            "title": kept.title,
            "text": kept.text,
            "bars": [{"name": name, "kept": share(part)} for name, part, _ in kept.bars],
        },
        "elites": described,
    }


def format_script(name: str, data: Any) -> bytes:
    """Write data as a script: a page that is opened from disk may load nothing else."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'neatfool.data.put("{name}",{text});\n'.encode("ascii")


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


def encode_image(elite: EliteView, *, small: bool) -> tuple[str, bytes]:
    """Give the name and the bytes of an elite's image: the same pixels, or reduced with loss."""
    picture = elite.image().convert("RGB")
    if small:
        picture.thumbnail((SIDE, SIDE))
    written = io.BytesIO()
    settings = {"quality": QUALITY} if small else {"lossless": True}
    picture.save(written, "WEBP", method=4, **settings)
    webp = elite.file.with_suffix(".webp").name, written.getvalue()
    return min(webp, (elite.file.name, elite.png), key=lambda image: len(image[1]))


def describe_elite(elite: EliteView, kept: SurvivalRecord | None) -> dict[str, Any]:
    """Describe an elite in a few words and figures, and with what is known to survive of it."""
    survived = kept.words_of(elite.name, elite.candidate_id) if kept else []
    return {
        "index": elite.index,
        "name": elite.name,
        "score": float(f"{elite.score:.9g}"),
        "rank": float(f"{elite.rank:.9g}"),
        "sure": elite.run.spec.format_score(elite.score, elite.rank),
        "generation": elite.generation,
        "candidate": elite.candidate_id,
        "parents": [*elite.parents],
        "nodes": elite.size.nodes,
        "connections": elite.size.connections,
        **({"survived": survived} if survived else {}),
        **({"measures": measures} if (measures := elite.describe_measures()) else {}),
    }


def describe_drawing(run: Run, elites: Sequence[EliteView]) -> dict[str, Any] | None:
    """Say how a browser draws a run's formulas; None if its genomes are no CPPNs."""
    if run.experiment["encoding"].get("plugin") != "cppn" or not elites:
        return None
    return describe_look(elites[0].picture().look)


def _write_networks(
    folder: Path, of_run: int, run: Run, elites: Sequence[EliteView]
) -> Iterator[int]:
    """Write a run's networks in parts, elites' first; give the number of each elite's."""
    own = dict.fromkeys(elite.candidate_id for elite in elites)
    numbers = {candidate: number for number, candidate in enumerate(own)}
    added, following = 0, -(-len(own) // AT_ONCE) * AT_ONCE
    parts: dict[int, list[dict[str, Any]]] = {}

    def write(part: int) -> None:
        name = f"{of_run}/networks-{part}"
        save(folder / DATA / f"{name}.js", format_script(name, parts.pop(part)), within=folder)

    def put(number: int, network: dict[str, Any]) -> None:
        part = number // AT_ONCE
        parts.setdefault(part, []).append(network)
        if len(parts[part]) == AT_ONCE:
            write(part)

    for elite in elites:
        number = numbers[elite.candidate_id]
        if number == added:  # one network may be the elite of several classes
            added += 1
            # From the random network of generation 0 to the elite's own.
            whole = run.lineage(elite.index)[::-1]
            line = [whole[place] for place in evenly(len(whole), STEPS)]
            for ancestor in line:
                if ancestor.candidate_id not in numbers:
                    numbers[ancestor.candidate_id] = following
                    put(following, _describe(ancestor) | encode_formula(ancestor.picture()))
                    following += 1
            own_line = {"line": [numbers[ancestor.candidate_id] for ancestor in line]}
            put(number, _describe(line[-1]) | own_line | encode_formula(elite.picture()))
        yield number
    for part in sorted(parts):
        write(part)


def _describe(ancestor: Ancestor) -> dict[str, Any]:
    description: dict[str, Any] = {"generation": ancestor.generation}
    if ancestor.name is not None and ancestor.score is not None:
        description["name"] = ancestor.name
        description["sure"] = ancestor.run.spec.format_score(ancestor.score, ancestor.rank or 0.0)
    return description
