"""Outlier exposure with evolved images as the outliers: the figures of docs/defences.md.

python docs/exposure.py exposure mnist outlier-exposure mnist notmnist.gz fashion-mnist_test.csv
python docs/exposure.py exposure cifar cifar-10 pytorch_resnet_cifar10 photographs

The first argument is a folder for networks, runs, figures and the picture. What is there already is
not made anew, so that the command goes on where it was stopped. For MNIST, there follow a clone of
github.com/hendrycks/outlier-exposure, a folder with MNIST's four files, notMNIST's test images in
MNIST's format, and Fashion-MNIST's as a table (the label, 784 pixels); for CIFAR-10, a folder with
train/CLASS/*.png and test/CLASS/*.png, a clone of github.com/akamaster/pytorch_resnet_cifar10, and
a folder with an ImageNet photograph of each class, such as n01440764_tench.JPEG.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy.special import logit
from scipy.stats import rankdata
from torch.nn import functional

import neatfool
from neatfool.ood import read_mnist, simple_images
from neatfool_plugins.mnist.retrain.rounds import take_fooling_images

OUTLIERS: Final = 6000
"""Images that each round adds."""
SEARCHED: Final = 12_000
"""Images a search."""
LONG: Final = 100_000
"""Images of one more search, unless the first one, which begins like it, fooled every class."""
FEW: Final = 2400
"""Images a search of a network that is not measured."""
SEEDS: Final = range(101, 106)
"""Of the searches that measure a network."""
PASSING: Final = 0.95
TITLES: Final = {"mnist": "MNIST", "cifar": "CIFAR-10"}
LABELS: Final = {
    "plain": ("plain", "#8a8a92"),
    "tuned alone": ("tuned without outliers", "#4f4f57"),
    "people's": ("photographs, tuned", "#c9a227"),
    "people's, from scratch": ("photographs, from scratch", "#b85218"),
    "random": ("random CPPNs", "#7fb2e5"),
    "evolved, 1 rounds": ("evolved, 1 round", "#2f6fb3"),
    "evolved, 3 rounds": ("evolved, 3 rounds", "#0b2e55"),
    "evolved, 5 rounds": ("evolved, 5 rounds", "#5b2a86"),
}
"""What the networks are called in the picture, and their colours."""
KNOWN: Final = (
    ("n01514668", "n01622779"),  # birds
    ("n01641577", "n01644900"),  # frogs
    ("n01795545", "n01860187"),  # birds
    ("n02002556", "n02058221"),  # birds
    ("n02085620", "n02130308"),  # dogs and cats, wild ones too
    ("n02389026", "n02391049"),  # horse and zebra
    ("n02422106", "n02423022"),  # antelopes
)
"""ImageNet's animals that CIFAR-10 has a class for, by the first and the last number."""
VEHICLES: Final = re.compile(
    "aircraft|airliner|airship|ambulance|amphibian|beach_wagon|boat|_cab$|canoe|car_mirror"
    "|car_wheel|catamaran|container_ship|convertible|dock$|dogsled|fire_engine|gondola|grille|half_track"
    "|horse_cart|jeep|limousine|_liner|minibus|minivan|Model_T|_van$|pickup|pirate|racer"
    "|recreational|school_bus|schooner|shuttle|snowplow|sports_car|submarine|truck|trimaran|warplane"
    "|_wing$|wreck|yawl"
)
"""The other photographs that show something CIFAR-10 has a class for."""


class Data(NamedTuple):
    """A data set, and how a network is tuned on it."""

    learnt: np.ndarray
    """Images to tune with, uint8 [N, C, H, W]."""
    labels: np.ndarray
    known: np.ndarray
    """Test images."""
    answers: np.ndarray
    others: dict[str, np.ndarray]
    """Images of other things, by kind."""
    plain: torch.nn.Module
    peoples: dict[str, torch.nn.Module | np.ndarray]
    """Networks that other people exposed to outliers, or outliers of other people, or none."""
    strangers: dict[str, torch.nn.Module]
    """Networks whose fooling images are shown to the others."""
    rounds: tuple[int, ...]
    """After so many rounds a network is measured."""
    epochs: int
    batch: int
    rate: float = 0.01
    """The learning rate of the first step."""
    decay: float = 0.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    augmented: bool = False
    """Whether images are turned and moved while the network learns, in half precision."""

    def scale(self, images: torch.Tensor) -> torch.Tensor:
        """Turn uint8 [N, C, H, W] into what the network takes."""
        mean, std = (torch.tensor(each)[:, None, None] for each in (self.mean, self.std))
        return (images.float() / 255 - mean) / std

    def draw(self, images: np.ndarray, chance: np.random.Generator) -> torch.Tensor:
        """Give some images as the network learns them: at random turned and moved by 4 pixels."""
        if self.augmented:
            across = np.arange(images.shape[-1])
            rows, columns = chance.integers(9, size=(2, len(images), 1)) + across
            mirrored = chance.random((len(images), 1)) < 0.5
            columns = np.where(mirrored, columns[:, ::-1], columns)
            padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4))).transpose(0, 2, 3, 1)
            one = np.arange(len(images))[:, None, None]
            images = padded[one, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)
        return self.scale(torch.from_numpy(images))


def own_module(file: Path) -> Any:
    """Load a file of other people's Python."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(network: torch.nn.Module, file: Path) -> torch.nn.Module:
    """Give a copy of a network with the weights of a file, which are only numbers."""
    state = torch.load(file, map_location="cpu", weights_only=True)
    network = deepcopy(network)
    network.load_state_dict(
        {
            name.removeprefix("module."): each
            for name, each in state.get("state_dict", state).items()
        }
    )
    return network.eval()


def mnist(clone: Path, digits: Path, notmnist: Path, fashion: Path) -> Data:
    """Give MNIST with the authors' network, weights and protocol."""
    network = own_module(clone / "MNIST/models/convnet.py").ConvNet()
    plain, tuned, scratch = (
        load(network, *(clone / f"MNIST/snapshots/{kind}").glob(f"{kind}_epoch_*.pt"))
        for kind in ("baseline", "oe_tune", "oe_scratch")
    )
    read = read_mnist(digits)
    real, known = read.training.images[:, None], read.test.images[:, None]
    with gzip.open(notmnist) as file:
        letters = np.frombuffer(file.read(), np.uint8)[16:].copy()
    clothes = np.loadtxt(fashion, np.uint8, delimiter=",", skiprows=1)[:, 1:]
    others = {
        "notMNIST": letters.reshape(-1, 1, 28, 28),
        "Fashion-MNIST": clothes.reshape(-1, 1, 28, 28),
        "negative digits": 255 - known,
    }
    return Data(
        *(real, read.training.labels, known, read.test.labels, others, plain),
        peoples={"people's": tuned, "people's, from scratch": scratch},
        strangers={},
        rounds=(1, 3, 5),
        epochs=5,
        batch=50,
    )


def cifar(folder: Path, clone: Path, photographs: Path) -> Data:
    """Give CIFAR-10 with a trained ResNet-20, and photographs that show none of its classes."""
    chance = np.random.default_rng(1)
    classes = sorted(path.name for path in (folder / "train").iterdir())

    def some(part: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        files = sorted((folder / part).glob("*/*.png"))
        files = [files[place] for place in chance.permutation(len(files))[:number]]
        images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
        labels = [classes.index(file.parent.name) for file in files]
        return images.transpose(0, 3, 1, 2), np.array(labels)

    files = [
        file
        for file in sorted(photographs.glob("n*.JPEG"))
        if not VEHICLES.search(file.stem)
        and not any(low <= file.name[:9] <= high for low, high in KNOWN)
    ]
    small = np.stack(
        [
            np.asarray(ImageOps.fit(Image.open(files[place]).convert("RGB"), (32, 32)))
            for place in chance.permutation(len(files))
        ]
    ).transpose(0, 3, 1, 2)
    seen, unseen = small[: len(small) // 2], small[len(small) // 2 :]
    resnets, weights = own_module(clone / "resnet.py"), clone / "pretrained_models"
    return Data(
        *(*some("train", 16_000), *some("test", 10_000), {"photographs": unseen}),
        plain=load(resnets.resnet20(), *weights.glob("resnet20-*.th")),
        peoples={"tuned alone": seen[:0], "people's": seen},
        strangers={"ResNet-32": load(resnets.resnet32(), *weights.glob("resnet32-*.th"))},
        rounds=(1, 3),
        epochs=1,
        batch=32,
        rate=0.005,
        decay=5e-4,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        augmented=True,
    )


class Study:
    """All networks of a data set, each of which is made once."""

    def __init__(self, data: Data, out: Path) -> None:
        self.data, self.out = data, out
        self.others = dict(data.others)
        channels, height, width = data.known.shape[1:]
        spec = neatfool.ImageSpec(height, width, channels, [*"0123456789"], array="torch")
        for _, group, _, images in simple_images(spec, 1000):
            before = [self.others[group]] if group in self.others else []
            self.others[group] = np.concatenate([*before, images.numpy()])

    def tune(self, name: str, outliers: np.ndarray) -> torch.nn.Module:
        """Tune the plain network as the authors do: in each step, two outliers for a real image."""
        data, file = self.data, self.out / f"{name}.pt"
        if file.exists():
            return load(data.plain, file)
        torch.manual_seed(1)
        chance, size = np.random.default_rng(1), data.batch
        network = deepcopy(data.plain).train()
        labels = torch.from_numpy(data.labels.astype(np.int64))
        optimizer = torch.optim.SGD(
            network.parameters(),
            data.rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=data.decay,
        )
        steps = data.epochs * (len(labels) // size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-6)
        orders = chain.from_iterable(
            chance.permutation(len(labels)).reshape(-1, size) for _ in range(data.epochs)
        )
        for own in orders:
            drawn = chance.integers(len(outliers), size=2 * size) if len(outliers) else []
            images = data.draw(np.concatenate([data.learnt[own], outliers[drawn]]), chance)
            with torch.autocast("cpu", torch.bfloat16, enabled=data.augmented):
                logits = network(images).float()
            known, unknown = logits[:size], logits[size:]
            loss = functional.cross_entropy(known, labels[own])
            if len(unknown):  # To the outliers all classes shall be equally likely.
                loss = loss + 0.5 * (torch.logsumexp(unknown, 1) - unknown.mean(1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        torch.save(network.state_dict(), file)
        return network.eval()

    def search(self, name: str, network: torch.nn.Module, seed: int, images: int = SEARCHED) -> Any:
        """Search a network for meaningless images, or open the run."""
        folder = self.out / "runs" / f"{name.replace(' ', '-')}-{images}-{seed}"
        if not (folder / "done").exists():
            neatfool.fool(
                network,
                image=self.data.known.shape[1:],
                classes=10,
                mean=self.data.mean,
                std=self.data.std,
                images=images,
                seed=seed,
                out=folder,
                overwrite=folder.exists(),
                outputs="logits",
                progress=False,
            ).close()
            (folder / "done").touch()
        return neatfool.open_run(folder)

    def evolve(self, name: str, network: torch.nn.Module, first: int) -> np.ndarray:
        """Give fooling images: random ones, elites and their children, from two searches."""
        runs = [self.search(name, network, seed) for seed in (first, first + 1)]
        return np.concatenate([*take_fooling_images(runs, OUTLIERS, first)])

    def networks(self) -> dict[str, torch.nn.Module]:
        """Give all that is measured."""
        plain, rounds = self.data.plain, self.data.rounds
        found = {"plain": plain}
        for name, given in self.data.peoples.items():
            found[name] = self.tune(name, given) if isinstance(given, np.ndarray) else given
        encoding = self.search("plain", plain, 1).encoding.in_generation(0)
        blind = [
            encoding.render(encoding.create([*range(start, start + 1000)])).cpu().numpy()
            for start in range(0, OUTLIERS * rounds[-1], 1000)
        ]
        found["random"] = self.tune("random", np.concatenate(blind))
        current, pool = plain, []
        for number in range(1, rounds[-1] + 1):
            name = "plain" if number == 1 else f"round-{number - 1}"
            pool.append(self.evolve(name, current, 2 * number - 1))
            current = self.tune(f"round-{number}", np.concatenate(pool))
            if number in rounds:
                found[f"evolved, {number} rounds"] = current
            print(number, flush=True)
        return found

    def search_all(self, networks: dict[str, torch.nn.Module]) -> None:
        """Make all searches that measure, and keep what fools the plain network and strangers."""
        for seed in SEEDS:
            for name, network in networks.items():
                self.search(name, network, seed)
                print(name, seed, flush=True)
        kept = {"plain": (self.data.plain, SEARCHED)}
        kept |= {name: (network, FEW) for name, network in self.data.strangers.items()}
        for name, (network, images) in kept.items():
            elites = [e for seed in SEEDS for e in self.search(name, network, seed, images)]
            self.others[f"fooling of {name}"] = np.stack([e.saved_pixels() for e in elites])

    def surest(self, network: torch.nn.Module, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the largest probabilities, and their classes."""
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(images), 500)
            logits = torch.cat([network(self.data.scale(some)) for some in parts])
            values, places = torch.softmax(logits.double(), 1).max(1)
        return values.numpy(), places.numpy()

    def measure(self, name: str, network: torch.nn.Module) -> dict[str, Any]:
        """Measure how a network knows nothing, and what a fresh search costs."""
        known, named = self.surest(network, self.data.known)
        surest = {kind: self.surest(network, images)[0] for kind, images in self.others.items()}
        threshold = float(np.quantile(known, 1 - PASSING))
        found: dict[str, Any] = {
            "accuracy": float((named == self.data.answers).mean()),
            "threshold": threshold,
            "auroc": {kind: auroc(known, values) for kind, values in surest.items()},
            "passing": {
                kind: float((values >= threshold).mean()) for kind, values in surest.items()
            },
        }
        for images, seeds in ((SEARCHED, SEEDS), (LONG, SEEDS[:1])):
            if images == LONG and found[f"search {SEARCHED}"]["fooled"][0] == 1:
                break
            runs = [self.search(name, network, seed, images) for seed in seeds]
            found[f"search {images}"] = {
                "median": [run.history[-1].median for run in runs],
                "fooled": [
                    float(np.mean([elite.confidence >= threshold for elite in run])) for run in runs
                ],
                **{
                    str(level): [
                        next((e.evaluations for e in run.history if e.median >= level), None)
                        for run in runs
                    ]
                    for level in (0.5, 0.9, 0.99)
                },
            }
        return found


def draw_costs(out: Path, figures: dict[str, Any]) -> bytes:
    """Draw the median class's confidence by images tried: the middle of five searches, as WebP."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), dpi=130, layout="constrained")
    panels = figure.subplots(1, len(figures), sharey=True, squeeze=False)[0]
    shown: set[str] = set()
    for axes, (kind, measured) in zip(panels, figures.items(), strict=True):
        for name in measured:
            runs = [
                neatfool.open_run(
                    out / kind / "runs" / f"{name.replace(' ', '-')}-{SEARCHED}-{seed}"
                )
                for seed in SEEDS
            ]
            images = [report.evaluations for report in runs[0].history]
            odds = [[logit(report.median) / np.log(10) for report in run.history] for run in runs]
            label, colour = LABELS[name]
            axes.plot(images, np.median(odds, axis=0), color=colour, linewidth=2)
            if name not in shown:  # A legend lists what no panel before it does.
                axes.lines[-1].set_label(label)
                shown.add(name)
        axes.legend(frameon=False, fontsize=8.5)
        axes.set(title=TITLES[kind], xscale="log", xlim=(200, SEARCHED), xlabel="images tried")
        axes.set_xticks(
            [200, 500, 1000, 2000, 5000, 12_000],
            ["200", "500", "1,000", "2,000", "5,000", "12,000"],
        )
        axes.minorticks_off()
        axes.grid(color="#e6e6ea")
        axes.spines[["top", "right"]].set_visible(False)
    levels = (0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
    panels[0].set_yticks(
        [logit(level) / np.log(10) for level in levels], [f"{v:.6g}" for v in levels]
    )
    panels[0].set(ylim=(-1.3, 5), ylabel="confidence of the median class")
    figure.savefig(made := BytesIO(), format="png")
    with Image.open(made) as whole:
        whole.convert("RGB").save(small := BytesIO(), "webp", lossless=True)
    return small.getvalue()


def auroc(known: np.ndarray, others: np.ndarray) -> float:
    """Give the chance that an in-distribution image is surer than another one."""
    ranks = rankdata(np.concatenate([known, others]))[: len(known)]
    return float((ranks.sum() - len(known) * (len(known) + 1) / 2) / len(known) / len(others))


if __name__ == "__main__":
    if len(sys.argv) < 6 or sys.argv[2] not in TITLES:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    out, kind, *paths = sys.argv[1:]
    folder, file = Path(out, kind), Path(out, "figures.json")
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, Callable[..., Data]] = {"mnist": mnist, "cifar": cifar}
    study = Study(kinds[kind](*map(Path, paths)), folder)
    study.search_all(networks := study.networks())
    measured = {}
    for name, network in networks.items():
        measured[name] = study.measure(name, network)
        print(name, json.dumps(measured[name]), flush=True)
    figures = json.loads(file.read_text()) if file.exists() else {}
    figures[kind] = measured
    file.write_text(json.dumps(figures, indent=1) + "\n")
    Path(out, "costs.webp").write_bytes(draw_costs(Path(out), figures))
