"""Show Fooling Images 2 to other families: ``python images/judges.py FOLDER [JUDGE …]``.

FOLDER holds judges.toml's files, the photographs of EliSchwartz/imagenet-sample-images
as ``photographs``, and MNIST as ``mnist``. Each judge's accuracy on real images goes to the
package's ``judges.json``, and its answers to ``judges.csv``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import networkx as nx
import numpy as np
import torch
from neatfool_images import FoolingImages
from PIL import Image
from torchvision.datasets import MNIST
from torchvision.models import squeezenet1_0
from torchvision.models._meta import _IMAGENET_CATEGORIES

import neatfool
from neatfool.measure import match_classes
from neatfool_plugins.ancestry.broad_kinds import FEWEST_CLASSES, WORDNET

HERE: Final = Path(__file__).parent / "neatfool_images"
TABLE: Final = HERE / "judges.csv"
FILES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
DIGITS: Final = ("logistic regression", "k-NN", "random forest", "SVM", "MLP", "transformer")
CAFFE_MEAN: Final = torch.tensor([123.0, 117, 104])[:, None, None]
_MEAN: Final = (0.485, 0.456, 0.406)
_STD: Final = (0.229, 0.224, 0.225)
SEED: Final = 1
JUDGED: Final = ("ImageNet", "MNIST")
"""The data sets whose images the judges see."""


def relate_by_wordnet(classes: Sequence[str]) -> np.ndarray | None:
    """Say which classes are related: bool [K, K]; None if they are not ImageNet's.

    They are if a kind of WordNet holds both, and at most the square root of N of all N classes: 31
    of 1000.
    """
    tree, synsets = nx.DiGraph(), {}
    with WORDNET.open(encoding="utf-8", newline="") as file:
        for number, name, *above in [*csv.reader(file, delimiter="\t")][1:]:
            synsets[number] = name
            tree.add_edges_from((kind, number) for kind in above if kind)
    leaves = [number for number in synsets if not tree.out_degree(number)]
    matched = match_classes(classes, [synsets[number] for number in leaves])
    if len(matched) < FEWEST_CLASSES:
        return None
    place_of = {leaves[place]: index for index, place in matched.items()}
    related = np.eye(len(classes), dtype=bool)
    for kind in tree:
        under = [place_of[each] for each in nx.descendants(tree, kind) if each in place_of]
        if len(under) ** 2 <= len(matched):
            related[np.ix_(under, under)] = True
    return related


def squeezenet(file: Path) -> Path:
    """Unpack SqueezeNet's codebooks and sparse codes into torchvision's weights."""
    network, data = squeezenet1_0(), file.read_bytes()
    layers: list[Any] = [each for each in network.modules() if isinstance(each, torch.nn.Conv2d)]
    counts, place = np.frombuffer(data, "<u4", len(layers)), 4 * len(layers)

    def take(kind: str, count: int) -> np.ndarray:
        nonlocal place
        found = np.frombuffer(data, kind, count, place)
        place += found.nbytes
        return found

    for layer, count in zip(layers, counts.tolist(), strict=True):
        book, bias, codes = take("<f4", 256), take("<f4", layer.out_channels), take("u1", count)
        halves = take("u1", (count + 1) // 2)
        steps = np.stack([halves & 15, halves >> 4], 1).ravel()[:count].astype(int)
        weights = np.full(layer.weight.numel(), book[0])
        weights[np.cumsum(steps + 1) - 1] = book[codes]
        layer.weight.data = torch.from_numpy(weights.reshape(layer.weight.shape))
        layer.bias.data = torch.from_numpy(bias.copy())
    # It was trained on blue, green, red in bytes less a mean; torchvision scales them otherwise.
    first = layers[0].weight.data.flip(1)
    mean, std = (255 * torch.tensor(each)[:, None, None] for each in (_MEAN, _STD))
    layers[0].bias.data += (first * (mean - CAFFE_MEAN)).sum((1, 2, 3))
    layers[0].weight.data = first * std
    torch.save(network.state_dict(), made := file.with_suffix(".pth"))
    return made


def open_judge(name: str, folder: Path) -> neatfool.Target:
    """Open a judge of ImageNet's classes.

    Raises:
        SystemExit: Its file is not the one that was pinned.
    """
    for file, digest in FILES[name]["files"].items():
        if hashlib.sha256((folder / file).read_bytes()).hexdigest() != digest:
            raise SystemExit(f"{folder / file}: not the file of {FILES[name]['source']}")
    path = folder / next(iter(FILES[name]["files"]))
    how: dict[str, Any] = {"plugin": "imagenet", "model": f"tflite:{path}"}
    if name == "SqueezeNet":
        how |= {"model": "torchvision:squeezenet1_0", "weights": str(squeezenet(path))}
    elif name.startswith("CLIP"):
        texts = {"vectors": str(folder / "coco_multi.npy")}
        texts["vector_names"] = str(folder / "coco_names.txt")
        how = {"plugin": "clip", "images": f"onnx:{path}", **texts}
    made: neatfool.Target = neatfool.make_target(how.pop("plugin"), check_photographs=False, **how)
    return made


def known_texts(texts: Sequence[str]) -> np.ndarray:
    """Say which of COCO's words are a class of ImageNet or a kind of it, bool [1000, T]."""
    with WORDNET.open(encoding="utf-8", newline="") as file:
        rows = [*csv.reader(file, delimiter="\t")][1:]
    tree = nx.DiGraph((kind, number) for number, _, *above in rows for kind in above if kind)
    leaves = [number for number, *_ in rows if not tree.out_degree(number)]
    known = np.zeros((len(leaves), len(texts)), bool)
    for number, name, *_ in rows:
        if name in texts and name != "kite":  # WordNet's is the bird, COCO's the toy
            under = {number, *nx.descendants(tree, number)}
            known[:, texts.index(name)] |= [leaf in under for leaf in leaves]
    return known


class Judge:
    """A judge of ImageNet's classes, and which of them it knows: bool [1000, K]."""

    def __init__(self, name: str, folder: Path) -> None:
        self.target, self.texts = open_judge(name, folder), name.startswith("CLIP")
        names, related = self.target.spec.classes, relate_by_wordnet(_IMAGENET_CATEGORIES)
        shift = len(names) - 1000  # TFLite's have a class more, before all others
        self.known = known_texts(names) if self.texts else np.eye(1000, len(names), shift, bool)
        self.near = self.known if self.texts else related @ self.known

    def answer(self, image: torch.Tensor, index: int) -> int:
        """Answer to an image, uint8 [1, 3, H, W], of a class.

        Returns:
            0: it names another class, 1: a related one (:func:`relate_by_wordnet`), 2: the class
            itself, 3: with at least 50 %.
        """
        (probs,) = self.target.score(image).probs
        if self.known[index, probs.argmax()]:
            return 2 + int(probs[self.known[index]].max() >= 0.5)
        return int(self.near[index, probs.argmax()])

    def look(self, data: FoolingImages, place: int) -> int:
        """Answer to an image of the set, drawn at the judge's own size."""
        size = self.target.spec.height, self.target.spec.width
        pixels = torch.from_numpy(np.array(data.draw(place, size))).permute(2, 0, 1)
        return self.answer(pixels[None], data.records[place].index)


def judge_photographs(name: str, folder: Path) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Give a judge's facts, and its answers to ImageNet's images, of classes that it knows.

    Those that it has answered are left out.
    """
    judge, data, seen = Judge(name, folder), FoolingImages(data="ImageNet"), []
    answered = {id_ for id_, row in read_answers().items() if row[name]}
    photographs = sorted((folder / "photographs").glob("*.JPEG"))
    for index in np.flatnonzero(judge.known.any(1)).tolist():
        photograph = Image.open(photographs[index]).convert("RGB")
        seen.append(judge.answer(neatfool.fit_photograph(photograph, judge.target), index))
    found = [
        (record.id, judge.look(data, place))
        for place, record in enumerate(data.records)
        if judge.known[record.index].any() and record.id not in answered
    ]
    return {"photographs": len(seen), "accuracy": np.mean([each >= 2 for each in seen])}, found


class Transformer(torch.nn.Module):
    """Digits as sixteen patches of 7 x 7 pixels, through two layers of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = torch.nn.Conv2d(1, 64, 7, 7)
        self.places = torch.nn.Parameter(torch.randn(16, 64) * 0.1)
        layer = torch.nn.TransformerEncoderLayer(64, 4, 128, 0, batch_first=True, norm_first=True)
        self.layers = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = torch.nn.Linear(64, 10)

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        """Give logits [N, 10] of digits, float32 [N, 784]."""
        patches = self.patches(digits.view(-1, 1, 28, 28)).flatten(2).mT
        made: torch.Tensor = self.head(self.layers(patches + self.places).mean(1))
        return made

    def fit(self, digits: np.ndarray, labels: np.ndarray) -> None:
        """Train for five epochs."""
        steps = torch.optim.AdamW(self.parameters(), 2e-3)
        plan = torch.optim.lr_scheduler.OneCycleLR(steps, 2e-3, 5 * -(-len(digits) // 128))
        for _ in range(5):
            for part in torch.randperm(len(digits)).split(128):
                logits = self(torch.from_numpy(digits[part]))
                steps.zero_grad()
                target = torch.from_numpy(labels[part])
                torch.nn.functional.cross_entropy(logits, target).backward()
                steps.step()
                plan.step()
        self.eval()

    @torch.inference_mode()
    def predict_proba(self, digits: np.ndarray) -> np.ndarray:
        """Give the probability of each digit."""
        return self(torch.from_numpy(digits)).softmax(1).numpy()


def judge_digits(name: str, folder: Path) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Train a judge on MNIST; give its facts, and its answer to each image of MNIST's networks."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    torch.manual_seed(SEED)
    made: dict[str, tuple[int, Callable[[], Any]]] = {
        "logistic regression": (60000, lambda: LogisticRegression(max_iter=50)),
        "k-NN": (20000, lambda: KNeighborsClassifier(10)),
        "random forest": (60000, lambda: RandomForestClassifier(100, random_state=SEED)),
        "SVM": (5000, lambda: CalibratedClassifierCV(SVC(C=5, gamma=0.02), ensemble=False)),
        "MLP": (60000, lambda: MLPClassifier((256,), max_iter=10, random_state=SEED)),
        "transformer": (60000, Transformer),
    }
    count, make = made[name]
    real = [MNIST(folder / "mnist", train=train) for train in (True, False)]
    (digits, labels), (tests, truth) = (
        (each.data.flatten(1).numpy().astype(np.float32) / 255, each.targets.numpy())
        for each in real
    )
    model = make()
    model.fit(digits[:count], labels[:count])
    right = model.predict_proba(tests).argmax(1) == truth
    data = FoolingImages(28, data="MNIST", mode="L")
    images = np.stack([np.array(data[place][0]) for place in range(len(data))])
    probs = model.predict_proba(images.reshape(len(images), -1).astype(np.float32) / 255)
    tops, sure = probs.argmax(1), probs.max(1) >= 0.5
    found = [
        (record.id, (2 + int(sure[place])) * (tops[place] == record.index))
        for place, record in enumerate(data.records)
    ]
    return {"trained on": count, "seed": SEED, "accuracy": right.mean()}, found


def read_answers() -> dict[str, dict[str, str]]:
    """Read each image's answers, by judge; "" where a judge does not know the class."""
    if not TABLE.exists():
        return {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row.pop("id"): row for row in csv.DictReader(file)}


def write_answers(answers: dict[str, dict[str, str]]) -> None:
    """Write the answers of all judges, a row an image."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["id", *FILES, *DIGITS], "", lineterminator="\n")
        table.writeheader()
        table.writerows({"id": id_, **row} for id_, row in sorted(answers.items()))


def name_near(answers: dict[str, dict[str, str]]) -> None:
    """Write into the table of images which share of the judges names each class, or a related one.

    An image is near if that is at least half of those that know its class.
    """
    table = HERE / "images.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    for row in rows:
        if row["data"] in JUDGED:
            said = [int(code) >= 1 for code in answers[row["id"]].values() if code]
            share = sum(said) / max(1, len(said))
            row |= {"near": str(share >= 0.5), "named_by": str(round(share, 3))}
    with table.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, [*rows[0]], lineterminator="\n")
        written.writeheader()
        written.writerows(rows)


def main(folder: Path, *names: str) -> None:
    """Ask the judges of these names, or all."""
    from build import write_croissant

    for name in names or (*FILES, *DIGITS):
        facts, found = (judge_photographs if name in FILES else judge_digits)(name, folder)
        facts["accuracy"] = round(float(facts["accuracy"]), 4)
        said = TABLE.with_suffix(".json")
        told = json.loads(said.read_text("utf-8")) if said.exists() else {}
        said.write_text(json.dumps(told | {name: facts}, indent=1, sort_keys=True) + "\n", "utf-8")
        answers = read_answers()
        for id_, code in found:
            answers.setdefault(id_, {})[name] = str(int(code))
        write_answers(answers)
        name_near(answers)
        print(f"{name}: {facts}, {np.mean([code >= 2 for _, code in found]):.3f}", flush=True)
    write_croissant()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
