"""Writes the page of a quiz; or the same as a study for jsPsych, with images and their key."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import StorageError
from neatfool.analysis import CHOICES, NOTHING
from neatfool.present import Records, embed_image, fill_template, save

if TYPE_CHECKING:
    from .questions import Question

HERE: Final = Path(__file__).parent
CDN: Final = "https://unpkg.com"
JSPSYCH: Final = {
    "jspsych": "8.3.0",
    "@jspsych/plugin-preload": "2.1.0",
    "@jspsych/plugin-html-button-response": "2.1.0",
    "@jspsych/plugin-image-button-response": "2.2.0",
}
"""Its packages that a study needs, and the versions that it was tried with."""


def write_page(questions: Sequence[Question], file: Path) -> Path:
    """Write a page that asks the questions, one HTML file."""
    pictures = [embed_image(each.picture, max(each.picture.size)).src for each in questions]
    script = _script("page.js")
    content = _content(questions, pictures) | {
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    return save(file, fill_template(HERE / "page.html.j2", content).encode())


def write_study(questions: Sequence[Question], folder: Path, jspsych: str | None) -> Path:
    """Write a folder: images, their key as a table, and a page that asks with jsPsych.

    Raises:
        StorageError: There is something in the folder, or it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(f"{folder}: is not empty; give a new folder with --export")
    files = []
    for number, question in enumerate(questions, 1):
        question.picture.save(png := io.BytesIO(), "PNG")
        files.append(f"images/{number:02}.png")
        save(folder / files[-1], png.getvalue(), within=folder)
    names = ["file", "quiz", "image", "kind", "run", "seed", "class", "known_by", "confidence"]
    names += CHOICES
    content = _content(questions, files)
    rows = [
        question.row(number) | {"file": file, "quiz": content["quiz"]}
        for number, (question, file) in enumerate(zip(questions, files, strict=True), 1)
    ]
    manifest = Records(names, [[row.get(name, "") for name in names] for row in rows])
    save(folder / "manifest.csv", manifest.csv().encode(), within=folder)
    packages = {
        name: f"{jspsych}/{name}" if jspsych else f"{CDN}/{name}@{version}"
        for name, version in JSPSYCH.items()
    }
    content |= {"packages": packages, "script": _script("study.js")}
    study = fill_template(HERE / "study.html.j2", content)
    return save(folder / "index.html", study.encode(), within=folder)


def _script(name: str) -> str:
    return "".join((HERE / each).read_text(encoding="utf-8") for each in ("answers.js", name))


def _content(questions: Sequence[Question], pictures: Sequence[str]) -> dict[str, Any]:
    """Give what a page is told. The key is in it, but not to be read at a glance."""
    key = json.dumps([each.row(number) for number, each in enumerate(questions, 1)])
    quiz = sha256(key.encode()).hexdigest()[:12]
    told = {"quiz": quiz, "nothing": NOTHING, "choices": CHOICES, "pictures": pictures}
    told["key"] = b64encode(key.encode()).decode()
    return {"quiz": quiz, "count": len(questions), "told": json.dumps(told)}
