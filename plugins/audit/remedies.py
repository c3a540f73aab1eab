"""What may help where no threshold does, tried on the model: detectors, and two trainings."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from neatfool import ExperimentError, Network, Run, behind, log_odds
from neatfool.measure import Estimate
from neatfool.ood import InDistribution, InspectedTarget, ask_detectors, simple_images
from neatfool.present import Facts

from .acceptance import least_threshold
from .confidence import EVOLVED, KNOWN, ConfidenceRecord, read_recorded
from .decision import OTHERS, PARTS, Judgement, part
from .evidence import Evidence, search

OUTLIERS: Final = 300
"""Random images, and as many simple ones of each kind, are outliers besides evolved ones."""
STEPS: Final = 400
"""Training ends after so many steps, or with its time."""
BATCH: Final = 32
"""Photographs in each step; and as many outliers."""
RATE: Final = 1e-4
SEED: Final = 7
"""Of the search that attacks a trained network, and of the random images."""
NOTHING: Final = "nothing of these"

Score = Callable[[torch.Tensor], np.ndarray]
"""Gives of uint8 [N, C, H, W] how acceptable they are, float64 [N]."""


class Remedy(Facts):
    """What was tried in place of a threshold of the confidence."""

    name: str
    """a short name"""
    what: str
    """what it does, in words"""
    judged: Judgement
    """what it does to images that it was neither fitted nor trained on"""
    attacked: Estimate | None
    """the share of images that pass and were evolved against the trained network; null if none
    was trained, or no time was left"""

    @property
    def helps(self) -> bool:
        """Whether it keeps enough photographs, and stops what was evolved against it, too."""
        return self.judged.helps and (self.attacked is None or self.attacked.value < 0.5)


class Trial:
    """Tries remedies on a model, each until the deadline."""

    def __init__(self, evidence: Evidence, most: float) -> None:
        self.evidence, self.most, self.clock = evidence, most, evidence.clock
        self.target = behind(evidence.scorer.target)
        self.images = dict(evidence.pixels)
        self.images[EVOLVED], parts = evidence.evolved()
        self.parts = {kind: np.arange(len(e)) % PARTS for kind, e in self.images.items()}
        self.parts[EVOLVED] = parts
        self.left_out: list[str] = []

    def run(self) -> Iterator[Remedy]:
        """Try one after the other; what cannot be tried is said in :attr:`left_out`."""
        for name, attempt in (
            ("detectors", self.detectors),
            ("a class nothing", self.class_nothing),
            ("Outlier Exposure", self.outlier_exposure),
        ):
            if self.clock.left < 1:
                self.left_out.append(f"{name}: no time was left; give more with --seconds")
                continue
            try:
                yield from attempt()
            except ExperimentError as error:
                self.left_out.append(f"{name}: {error}")

    def detectors(self) -> Iterator[Remedy]:
        """Let each detector's score decide in place of the confidence."""
        known, first = self.images[KNOWN], torch.from_numpy(self.parts[KNOWN] == 0)
        divided = InDistribution(known[first], known[~first], "photographs", divided=True)
        kinds = [kind for kind in self.images if kind != KNOWN]
        others = torch.cat([self.images[kind] for kind in kinds])
        found = ask_detectors(self.target, others, divided, note=lambda _, n: self._count(n))
        ends = np.cumsum([len(self.images[kind]) for kind in kinds])[:-1]
        for name, scores in found.scores.items():
            own = np.full(len(known), -np.inf)
            own[~first.numpy()] = -scores.known
            parts = np.split(-scores.images, ends)
            values = {KNOWN: own, **dict(zip(kinds, parts, strict=True))}
            yield self._judge(f"detector {name}", scores.looks_at, values)
        self.left_out += [f"detector {name}: {why}" for name, why in found.left_out.items()]

    def class_nothing(self) -> Iterator[Remedy]:
        """Give the last layer one more output, trained on what it takes; all else stays."""
        inspected = InspectedTarget(self.target, {"features"})
        inside = inspected.networks[0]

        def look(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            answers = inspected.ask_all(images, self._count)
            assert answers.features is not None
            return answers.logits, answers.features

        photographs, outliers = look(self._known()), look(self._outliers())
        head = nn.Linear(photographs[1].shape[1], 1)
        spread = photographs[1].std(0).mean().clamp(min=1e-6)
        optimizer = torch.optim.Adam(head.parameters(), 0.01, weight_decay=1e-4)
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = torch.zeros(())
            for (logits, features), sign in ((photographs, 1), (outliers, -1)):
                margin = logits.logsumexp(1) - head(features / spread)[:, 0]
                loss = loss + functional.softplus(-sign * margin).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        head.requires_grad_(False)
        module = ClassNothing(inside.module, head, spread, self._classes).eval()
        what = "one more output of the last layer, trained on these images"
        yield self._attack("a class nothing", what, module, inside)

    def outlier_exposure(self) -> Iterator[Remedy]:
        """Fine-tune the whole network: photographs as before, and outliers as no class."""
        if len(self.target.networks) != 1:
            raise ExperimentError("the model is no single network of PyTorch")
        network: Network = self.target.networks[0]
        kind = network.settle(self.evidence.spec.shape).outputs
        module = copy.deepcopy(network.module).requires_grad_(True)
        if kind == "multi_label" or not [*module.parameters()]:
            raise ExperimentError("the model's file holds nothing to train; take its PyTorch form")

        def ask(some: torch.Tensor) -> torch.Tensor:
            given = module((some.float() - network.mean) / network.std)
            if not isinstance(given, torch.Tensor) or not given.requires_grad:
                raise ExperimentError("the model cannot be trained; take its PyTorch form")
            return given.clamp(min=1e-12).log() if kind == "probabilities" else given

        known, outliers = self._known(), self._outliers()
        teacher = torch.cat([network(some) for some in torch.split(known, 64)]).clone().softmax(1)
        chance, began = torch.Generator().manual_seed(SEED), time.monotonic()
        optimizer = torch.optim.Adam(module.parameters(), RATE)
        for step in range(1, STEPS + 1):
            rows = torch.randint(len(known), (BATCH,), generator=chance)
            others = torch.randint(len(outliers), (BATCH,), generator=chance)
            logits = ask(torch.cat([known[rows], outliers[others]]))
            optimizer.zero_grad()
            unknown = logits[BATCH:]
            loss = functional.cross_entropy(logits[:BATCH], teacher[rows])
            loss = loss + 0.5 * (unknown.logsumexp(1) - unknown.mean(1)).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            self._count(0)
            if time.monotonic() - began > self.clock.left / 2:
                break
        what = f"fine-tuned for {step} steps: outliers get equal probabilities"
        trained = module.requires_grad_(False)
        yield self._attack("Outlier Exposure", what, trained, network, outputs=kind)

    @property
    def _classes(self) -> int:
        return len(self.evidence.spec.classes)

    def _count(self, images: int) -> None:
        """Show how far it is; what has begun is finished."""
        left = self.clock.deadline
        self.clock.deadline = float("inf")
        self.clock.count(images)
        self.clock.deadline = left

    def _known(self) -> torch.Tensor:
        """Give the photographs to train on."""
        return self.images[KNOWN][torch.from_numpy(self.parts[KNOWN] == 0)]

    def _outliers(self) -> torch.Tensor:
        """Give the outliers to train on: a third of the evolved ones, and others that are free."""
        run = self.evidence.runs[0]
        encoding = run.encoding.in_generation(0)
        drawn = encoding.render(encoding.create([*range(10**6, 10**6 + OUTLIERS)])).cpu()
        simple = [e for *_, e in simple_images(run.spec, OUTLIERS // 5, SEED)]
        first = self.images[EVOLVED][torch.from_numpy(self.parts[EVOLVED] == 0)]
        return torch.cat([first.repeat(-(-OUTLIERS // len(first)), 1, 1, 1), drawn, *simple])

    def _judge(
        self, name: str, what: str, values: Mapping[str, np.ndarray], attacked: Any = None
    ) -> Remedy:
        """Fit a threshold of scores to the second part, and judge it by the third."""
        records = []
        for kind, record in self.evidence.records.items():
            lists = {"log_odds": values[kind].tolist(), "seeds": self.parts[kind].tolist()}
            lists["named"] = [0] * len(values[kind])
            records.append(record.model_copy(update=lists))
        stopped = [part(e, 1) for e in records if e.group not in {KNOWN, OTHERS}]
        least = least_threshold([np.array(e.log_odds) for e in stopped], self.most)
        judged = Judgement.of(least, [part(e, 2) for e in records], self.most)
        return Remedy(name=name, what=what, judged=judged, attacked=attacked and attacked(least))

    def _attack(
        self, name: str, what: str, module: nn.Module, before: Network, outputs: Any = "logits"
    ) -> Remedy:
        """Judge a trained network, and let a new search attack it."""
        scale = {"mean": before.mean.flatten().tolist(), "std": before.std.flatten().tolist()}
        network = Network(module, **scale, device=str(before.device), outputs=outputs)

        def score(images: torch.Tensor) -> np.ndarray:
            parts = []
            for some in torch.split(images, 64):
                parts.append(log_odds(network(some).cpu().numpy())[:, : self._classes].max(1))
                self._count(len(some))
            return np.concatenate(parts)

        def attack(least: float) -> Estimate | None:
            per_image = self.clock.seconds / max(self.clock.images, 1)
            images = int(min(self.evidence.searched, self.clock.left / per_image))
            if images < BATCH:
                return None
            names = [*self.evidence.spec.classes]
            nothing = [*self.evidence.spec.nothing]
            if isinstance(module, ClassNothing):
                names, nothing = [*names, NOTHING], [*nothing, NOTHING]
            run: Run = search(
                module,
                images,
                SEED,
                self.evidence.folder / name,
                image=self.evidence.spec.shape,
                classes=names,
                nothing=nothing or None,
                mean=[each / 255 for each in scale["mean"]],
                std=[each / 255 for each in scale["std"]],
                outputs=outputs,
            )
            own = read_recorded([run], logits=outputs == "logits").log_odds
            return Estimate.wilson(int((np.array(own) >= least).sum()), len(own)) if own else None

        values = {kind: score(images) for kind, images in self.images.items()}
        return self._judge(name, what, values, attack)


class ClassNothing(nn.Module):
    """A network with one more output, which stands for nothing of its classes."""

    def __init__(
        self, inside: nn.Module, head: nn.Module, spread: torch.Tensor, classes: int
    ) -> None:
        """Take a network that gives logits and features, and the further output's layer."""
        super().__init__()
        self.inside, self.head, self.classes = inside, head, classes
        self.register_buffer("spread", spread)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits [N, K + 1]."""
        both = self.inside(images)
        logits, features = both[:, : self.classes], both[:, self.classes :]
        return torch.cat([logits, self.head(features / self.spread)], 1)


def records_of(evidence: Evidence) -> list[ConfidenceRecord]:
    """List what is known of each kind, photographs first."""
    return sorted(evidence.records.values(), key=lambda e: e.group != KNOWN)
