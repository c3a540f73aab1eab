"""Outlier exposure with evolved images as the outliers: the figures of docs/exposure.md.

python docs/exposure.py outlier-exposure mnist notmnist.gz exposure

The arguments are a clone of github.com/hendrycks/outlier-exposure, a folder with MNIST's four
files, notMNIST's test images in MNIST's format, and a folder for networks, runs and figures.json.
What is there already is not made anew, so that the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from scipy.special import logit
from scipy.stats import rankdata
from torch.nn import functional

import neatfool
from neatfool.analysis import images_of_nothing
from neatfool.ood import read_mnist
from neatfool_plugins.mnist.options import SPEC
from neatfool_plugins.mnist.retrain.rounds import fooling_images

ROUNDS: Final = (1, 3, 5)
"""After so many rounds a network is measured."""
OUTLIERS: Final = 6000
"""Images that each round adds."""
SEARCHED: Final = 12_000
"""Images a search; one more has 100,000."""
PASSING: Final = 0.95
LABELS: Final = {
    "people's": "photographs, tuned",
    "people's, from scratch": "photographs, from scratch",
    "random": "random CPPNs",
    "evolved, 1 rounds": "evolved, 1 round",
}
"""What the networks are called in the picture."""


def authors_network(clone: Path) -> Any:
    """Give the class ConvNet of the authors' own file."""
    path = clone / "MNIST/models/convnet.py"
    spec = importlib.util.spec_from_file_location("convnet", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ConvNet


def pixels(images: np.ndarray) -> torch.Tensor:
    """Turn uint8 [N, 28, 28] or [N, 1, 28, 28] into what the network takes."""
    return torch.from_numpy(np.array(images)).reshape(-1, 1, 28, 28).float() / 255


class Study:
    """All networks of the study, each of which is made once."""

    def __init__(self, clone: Path, mnist: Path, notmnist: Path, out: Path) -> None:
        self.make, self.clone, self.out = authors_network(clone), clone, out
        self.digits = read_mnist(mnist)
        real = self.digits.test
        with gzip.open(notmnist) as file:
            letters = np.frombuffer(file.read(), np.uint8)[16:].reshape(-1, 28, 28)
        self.test = {
            "digits": real.images,
            "notMNIST": letters,
            "negative digits": 255 - real.images,
        }
        for _, group, _, images in images_of_nothing(SPEC, 1000):
            old = self.test.get(group)
            new = images.numpy()[:, 0]
            self.test[group] = new if old is None else np.concatenate([old, new])

    def load(self, file: Path) -> torch.nn.Module:
        """Read weights, which are only numbers."""
        network = self.make()
        network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        return network.eval()

    def authors(self, kind: str) -> torch.nn.Module:
        """Give a network that the authors trained."""
        (file,) = (self.clone / f"MNIST/snapshots/{kind}").glob(f"{kind}_epoch_*.pt")
        return self.load(file)

    def tune(self, name: str, outliers: np.ndarray) -> torch.nn.Module:
        """Tune the plain network as the authors do: five epochs of 50 digits and 100 outliers."""
        file = self.out / f"{name}.pt"
        if file.exists():
            return self.load(file)
        torch.manual_seed(1)
        chance = np.random.default_rng(1)
        network = self.authors("baseline").train()
        real, others = self.digits.training, pixels(outliers)
        images, labels = pixels(real.images), torch.from_numpy(real.labels.astype(np.int64))
        optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, nesterov=True)
        steps = 5 * (len(images) // 50)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-6)
        orders = chain.from_iterable(
            chance.permutation(len(images)).reshape(-1, 50) for _ in range(5)
        )
        for own in orders:
            drawn = chance.integers(len(others), size=100)
            logits = network(torch.cat([images[own], others[drawn]]))
            known, unknown = logits[:50], logits[50:]
            # To the outliers all classes shall be equally likely.
            uniform = (torch.logsumexp(unknown, 1) - unknown.mean(1)).mean()
            loss = functional.cross_entropy(known, labels[own]) + 0.5 * uniform
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        torch.save(network.state_dict(), file)
        return network.eval()

    def search(self, name: str, network: torch.nn.Module, seed: int, images: int) -> Any:
        """Search a network for images of nothing, or open the run."""
        folder = self.out / "runs" / f"{name}-{images}-{seed}"
        done = (folder / "done").exists()
        if not done:
            neatfool.fool(
                network,
                image=(1, 28, 28),
                classes=10,
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
        runs = [self.search(name, network, seed, SEARCHED) for seed in (first, first + 1)]
        return np.concatenate([*fooling_images(runs, OUTLIERS, first)])[:, 0]

    def networks(self) -> dict[str, torch.nn.Module]:
        """Give all that is measured."""
        plain = self.authors("baseline")
        found = {"plain": plain}
        found |= {
            "people's": self.authors("oe_tune"),
            "people's, from scratch": self.authors("oe_scratch"),
        }
        encoding = self.search("plain", plain, 1, SEARCHED).encoding.in_generation(0)
        count = OUTLIERS * ROUNDS[-1]
        blind = [
            encoding.render(encoding.create([*range(start, start + 1000)])).cpu().numpy()
            for start in range(0, count, 1000)
        ]
        found["random"] = self.tune("random", np.concatenate(blind)[:, 0])
        current, pool = plain, []
        for number in range(1, ROUNDS[-1] + 1):
            name = "plain" if number == 1 else f"round-{number - 1}"
            pool.append(self.evolve(name, current, 2 * number - 1))
            current = self.tune(f"round-{number}", np.concatenate(pool))
            if number in ROUNDS:
                found[f"evolved, {number} rounds"] = current
            print(number, flush=True)
        fooling = [
            elite.saved_pixels()
            for seed in range(101, 106)
            for elite in self.search("plain", plain, seed, SEARCHED)
        ]
        self.test["fooling of plain"] = np.concatenate(fooling).reshape(-1, 28, 28)
        return found

    def measure(self, name: str, network: torch.nn.Module) -> dict[str, Any]:
        """Measure how a network knows nothing, and what a fresh search costs."""
        with torch.inference_mode():
            surest = {
                kind: torch.softmax(network(pixels(images)).double(), 1).amax(1).numpy()
                for kind, images in self.test.items()
            }
            named = network(pixels(self.test["digits"])).argmax(1).numpy()
        known = surest.pop("digits")
        threshold = float(np.quantile(known, 1 - PASSING))
        found: dict[str, Any] = {
            "accuracy": float((named == self.digits.test.labels).mean()),
            "threshold": threshold,
            "auroc": {kind: auroc(known, values) for kind, values in surest.items()},
            "passing": {
                kind: float((values >= threshold).mean()) for kind, values in surest.items()
            },
        }
        for images, seeds in ((SEARCHED, range(101, 106)), (100_000, range(101, 102))):
            runs = [self.search(name.replace(" ", "-"), network, seed, images) for seed in seeds]
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


def draw_costs(study: Study, names: list[str]) -> bytes:
    """Draw the median digit's confidence by images tried: the middle of five searches, as WebP."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), dpi=130, layout="constrained")
    axes = figure.subplots()
    colours = ("#8a8a92", "#c9a227", "#c2571a", "#7fb2e5", "#2f6fb3", "#0b2e55", "#5b2a86")
    for name, colour in zip(names, colours, strict=True):
        runs = [
            neatfool.open_run(study.out / "runs" / f"{name.replace(' ', '-')}-{SEARCHED}-{seed}")
            for seed in range(101, 106)
        ]
        images = [report.evaluations for report in runs[0].history]
        odds = [[logit(report.median) / np.log(10) for report in run.history] for run in runs]
        axes.plot(
            images, np.median(odds, axis=0), color=colour, linewidth=2, label=LABELS.get(name, name)
        )
    levels = (0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
    axes.set_yticks([logit(level) / np.log(10) for level in levels], [f"{v:.6g}" for v in levels])
    axes.set(xscale="log", xlim=(200, SEARCHED), xlabel="images tried", ylim=(-1.3, 5))
    axes.set_xticks(
        [200, 500, 1000, 2000, 5000, 12_000], ["200", "500", "1,000", "2,000", "5,000", "12,000"]
    )
    axes.minorticks_off()
    axes.set_ylabel("confidence of the median digit")
    axes.grid(color="#e6e6ea")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5)
    figure.savefig(made := BytesIO(), format="png")
    with Image.open(made) as whole:
        whole.convert("RGB").save(small := BytesIO(), "webp", quality=92)
    return small.getvalue()


def auroc(known: np.ndarray, others: np.ndarray) -> float:
    """Give the chance that an in-distribution image is surer than another one."""
    ranks = rankdata(np.concatenate([known, others]))[: len(known)]
    return float((ranks.sum() - len(known) * (len(known) + 1) / 2) / len(known) / len(others))


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    for each in ("clone", "mnist", "notmnist", "out"):
        parser.add_argument(each, type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    study = Study(**vars(given))
    figures = {}
    for name, network in study.networks().items():
        figures[name] = study.measure(name, network)
        print(name, json.dumps(figures[name]), flush=True)
    (given.out / "costs.webp").write_bytes(draw_costs(study, list(figures)))
    (given.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
