"""What OOD detectors see in Fooling Images 2: ``python images/measure.py photographs.csv OUT``.

``photographs.csv`` has the columns ``file`` and ``label``. Fourteen detectors of pytorch-ood judge
EfficientNet-Lite0: every second photograph fits them, the others are the in-distribution images,
and up to 1,000 images of each part of the data set are out of distribution.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from neatfool_images import FoolingImages
from PIL import Image
from pytorch_ood import detector
from scipy.stats import rankdata
from torch import nn

from neatfool.models import Preprocessing, Request, load_classifier

MOST: Final = 1000
SAMPLES: Final = 999
PASSING: Final = 0.95
COLUMNS, SIDE = 10, 112
"""The picture has ten images a row, each of so many pixels."""
WATCHED: Final = "EfficientNet-Lite0"
PARTS: Final[dict[str, dict[str, Any]]] = {
    "blind, near": {"network": WATCHED, "tier": "blind", "near": True},
    "blind, far": {"network": WATCHED, "tier": "blind", "near": False},
    "blind, at least 99 %": {"network": WATCHED, "tier": "blind", "least": 0.99},
    "views": {"network": WATCHED, "tier": "views"},
    "of CIFAR-10's networks": {"data": "CIFAR-10"},
    "of MNIST's networks": {"data": "MNIST"},
}


class Lite0:
    """The network's last features, and its linear layer."""

    def __init__(self) -> None:
        classifier = load_classifier(Request("efficientnet-lite0"))
        self.module: Any = classifier.module.eval()
        self.layer: nn.Linear = self.module._fc
        self.preprocessing = classifier.preprocessing

    @torch.inference_mode()
    def look(self, images: torch.Tensor) -> torch.Tensor:
        """Give features, float32 [N, 1280], of images, uint8 [N, C, H, W]."""
        parts = []
        for some in images.split(32):
            scaled = (some.float() - self.preprocessing.mean[0]) / self.preprocessing.std[0]
            parts.append(self.module.extract_features(scaled).mean((2, 3)))
        return torch.cat(parts)


def read_photographs(table: Path, preprocessing: Preprocessing) -> torch.Tensor:
    """Read photographs as the network is shown them, uint8 [N, C, H, W]."""
    with table.open(encoding="utf-8", newline="") as file:
        paths = [table.parent / row["file"] for row in csv.DictReader(file)]
    return torch.stack([preprocessing.prepare(Image.open(path)) for path in paths])


def read_part(choice: dict[str, Any]) -> torch.Tensor:
    """Draw a part of the data set at the network's size, uint8 [N, 3, 224, 224]."""
    data = FoolingImages(224, mode="RGB", **choice)
    places = np.random.default_rng(1).permutation(len(data))[:MOST].tolist()
    images = np.stack([np.array(data[place][0]) for place in places])
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def make_detectors(layer: nn.Linear, fit: torch.Tensor) -> dict[str, Any]:
    """Fit each detector: give what scores features, the higher, the less in-distribution."""
    weights, bias = layer.weight.detach(), layer.bias.detach()
    labels, logits = torch.zeros(len(fit), dtype=torch.long), layer(fit).detach()
    maps = fit[:, :, None, None]

    def head(features: torch.Tensor) -> torch.Tensor:
        return layer(features.flatten(1))

    found: dict[str, Any] = {}
    for name in ("MaxSoftmax", "MaxLogit", "EnergyBased", "Entropy", "GEN"):
        of_logits = getattr(detector, name)(None)
        found[name] = lambda z, d=of_logits: d.predict_logits(layer(z))
    of_features = {
        "KNN": detector.KNN(None, k=10),
        "Mahalanobis": detector.Mahalanobis(None),
        "ViM": detector.ViM(None, d=len(fit) // 2, w=weights, b=bias),
        "NNGuide": detector.NNGuide(None, head, k=10),
        "DICE": detector.DICE(None, weights, bias, 0.7),
    }
    for name, each in of_features.items():
        each.fit_features(fit, logits.argmax(1) if name == "DICE" else labels)
        found[name] = each.predict_features
    for name in ("ReAct", "ASH", "SCALE", "VRA"):
        of_maps = getattr(detector, name)(nn.Identity(), head)
        if name in ("ReAct", "VRA"):
            of_maps.fit_feature_maps(maps, labels)
        found[name] = lambda z, d=of_maps: d.predict_feature_maps(z[:, :, None, None])
    return found


def judge(known: np.ndarray, others: np.ndarray) -> list[float]:
    """Give AUROC, and the share of others that pass where 95 % of the known do."""
    ranks = rankdata(np.concatenate([others, known]))[: len(others)]
    below = ranks.sum() - len(others) * (len(others) + 1) / 2
    passing = (others <= np.quantile(known, PASSING)).mean()
    return [float(below / len(others) / len(known)), float(passing)]


def draw_sheet() -> Image.Image:
    """Draw four rows: near and far images of ImageNet's network, and some of small networks."""
    rows: list[dict[str, Any]] = [
        {"data": "ImageNet", "near": True, "least": 0.97},
        {"data": "ImageNet", "near": False, "least": 0.9},
        {"tier": "views"},
        {"data": "CIFAR-10"},
    ]
    sheet = Image.new("RGB", (COLUMNS * (SIDE + 4) - 4, len(rows) * (SIDE + 4) - 4), "#23272b")
    for line, choice in enumerate(rows):
        data = FoolingImages(SIDE, mode="RGB", **choice)
        drawn = np.random.default_rng(2).permutation(len(data))[:COLUMNS]
        for column, place in enumerate(drawn.tolist()):
            sheet.paste(data[place][0], (column * (SIDE + 4), line * (SIDE + 4)))
    return sheet


def main() -> None:
    """Print a table, and write the figures and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path, help="a folder for the figures")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    draw_sheet().save(given.out / "sheet.webp", quality=92)
    torch.set_num_threads(1)
    lite0 = Lite0()
    photographs = lite0.look(read_photographs(given.photographs, lite0.preprocessing))
    fit, test = photographs[::2], photographs[1::2]
    parts = {}
    for name, choice in PARTS.items():
        parts[name] = lite0.look(read_part(choice))
        print(f"{name}: {len(parts[name])} images", flush=True)
    figures: dict[str, Any] = {name: {"images": len(z)} for name, z in parts.items()}
    chance = np.random.default_rng(1)
    with torch.inference_mode():
        for name, score in make_detectors(lite0.layer, fit).items():
            known = score(test).double().numpy()
            for part, features in parts.items():
                others = score(features).double().numpy()
                samples = [
                    judge(chance.choice(known, len(known)), chance.choice(others, len(others)))
                    for _ in range(SAMPLES)
                ]
                low, high = np.quantile(samples, [0.025, 0.975], axis=0).round(4).tolist()
                auroc, passing = judge(known, others)
                figures[part][name] = {
                    "auroc": [round(auroc, 4), low[0], high[0]],
                    "passing": [round(passing, 4), low[1], high[1]],
                }
            row = (
                f"{figures[part][name]['auroc'][0]:.3f} / {figures[part][name]['passing'][0]:.0%}"
                for part in parts
            )
            print(name, *row, sep=" | ", flush=True)
    (given.out / "detectors.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
