"""What may help where no threshold does, tried on the model: detectors and a new last layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from neatfool import ExperimentError, Network, behind, log_odds
from neatfool.measure import Estimate
from neatfool.ood import InDistribution, InspectedTarget, ask_detectors, simple_images
from neatfool.present import Facts

from .acceptance import least_threshold
from .confidence import EVOLVED, KNOWN, read_recorded
from .decision import PARTS, Judgement, is_held, part, stopped
from .evidence import Evidence, WatchedTarget, search

OUTLIERS: Final = 200
"""So many elites, random images and simple images each are the outliers to train on."""
STEPS: Final = 300
RATE: Final = 0.003
SEED: Final = 101
"""Of the search that attacks a trained network, and of the simple images."""
NOTHING: Final = "nothing of these"


class Remedy(Facts):
    """What was tried in place of a threshold of the confidence."""

    name: str
    """what it is"""
    judged: Judgement
    """what it does to images that it was neither fitted nor trained on"""
    attacked: Estimate | None
    """the share that passes of images that were evolved against it; null if there was no search"""

    helps: bool
    """whether it keeps enough photographs, and stops what was evolved against it, too"""


class NewHead(nn.Module):
    """A network that gives logits and features, with another last layer."""

    def __init__(self, inside: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.inside, self.head = inside, head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits [N, K], or [N, K + 1]."""
        logits: torch.Tensor = self.head(self.inside(images)[:, -self.head.in_features :])
        return logits


class Trial:
    """Tries remedies: the first third of the images trains, the second sets a threshold."""

    def __init__(self, evidence: Evidence, most: float, left_out: list[str]) -> None:
        """Take what is known; why something cannot be tried is put into ``left_out``."""
        self.evidence, self.most, self.left_out = evidence, most, left_out
        self.target, self.count = behind(evidence.scorer.target), len(evidence.spec.classes)
        evolved, parts = evidence.evolved()
        self.images = {**evidence.pixels, EVOLVED: evolved}
        self.parts = {kind: np.arange(len(e)) % PARTS for kind, e in self.images.items()}
        self.parts[EVOLVED] = parts

    def run(self) -> Iterator[Remedy]:
        """Try one after the other."""
        for attempt in (self._detectors, self._new_heads):
            try:
                yield from attempt()
            except ExperimentError as error:
                self.left_out.append(str(error))

    def _detectors(self) -> Iterator[Remedy]:
        """Let each detector's score decide in place of the confidence."""
        known, first = self.images[KNOWN], torch.from_numpy(self.parts[KNOWN] == 0)
        divided = InDistribution(known[first], known[~first], "photographs", divided=True)
        kinds = [kind for kind in self.images if kind != KNOWN]
        others = torch.cat([self.images[kind] for kind in kinds])
        show = self.evidence.clock.show
        found = ask_detectors(self.target, others, divided, note=lambda *_: show())
        ends = np.cumsum([len(self.images[kind]) for kind in kinds])[:-1]
        for name, scores in found.scores.items():
            own = np.full(len(known), -np.inf)
            own[~first.numpy()] = -scores.known
            parts = np.split(-scores.images, ends)
            values = {KNOWN: own, **dict(zip(kinds, parts, strict=True))}
            yield self._judge(f"detector {name}: {scores.looks_at}", values)
        self.left_out += found.left_out.values()

    def _new_heads(self) -> Iterator[Remedy]:
        """Train the last layer anew: with one more class, or with Outlier Exposure."""
        inspected = InspectedTarget(self.target, {"features"})
        inside, old = inspected.networks[0], inspected.head
        assert old is not None, "features need it"
        known, outliers = (
            inspected.ask_all(images, lambda _: self.evidence.clock.show())
            for images in self._to_train_on()
        )
        assert known.features is not None
        assert outliers.features is not None
        for name, more in (("a class nothing", 1), ("Outlier Exposure", 0)):
            head = nn.Linear(old.in_features, self.count + more)
            head.weight.data[: self.count], head.bias.data[: self.count] = old.weight, old.bias
            optimizer = torch.optim.Adam(head.parameters(), RATE)
            for _ in range(STEPS):
                real, unreal = head(known.features), head(outliers.features)
                away = unreal.logsumexp(1) - (unreal[:, -1] if more else unreal.mean(1))
                loss = functional.cross_entropy(real, known.classes) + away.mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            module = NewHead(inside.module, head).requires_grad_(False).eval()
            mean, std = inside.mean.flatten().tolist(), inside.std.flatten().tolist()
            device = str(inside.device)
            network = Network(module, mean=mean, std=std, device=device, outputs="logits")
            values = {kind: self._surest(network, images) for kind, images in self.images.items()}
            text = f"{name}: the last layer, trained on these images"
            yield self._judge(text, values, partial(self._attack, network, more))

    def _to_train_on(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Give photographs, and outliers: evolved images, random ones and simple ones."""
        known, evolved = (
            self.images[kind][torch.from_numpy(self.parts[kind] == 0)] for kind in (KNOWN, EVOLVED)
        )
        encoding = self.evidence.runs[0].encoding.in_generation(0)
        drawn = encoding.render(encoding.create([*range(-OUTLIERS, 0)])).cpu()
        simple = [e for *_, e in simple_images(self.evidence.spec, OUTLIERS // 5, SEED)]
        return known, torch.cat([evolved[:OUTLIERS], drawn, *simple])

    def _surest(self, network: Network, images: torch.Tensor) -> np.ndarray:
        """Give the log-odds of the likeliest class, but for that of nothing."""
        parts = []
        for some in torch.split(images, 64):
            parts.append(log_odds(network(some).cpu().numpy())[:, : self.count].max(1))
            self.evidence.clock.show()
        return np.concatenate(parts)

    def _judge(
        self,
        name: str,
        values: Mapping[str, np.ndarray],
        attack: Callable[[float], tuple[int, int] | None] = lambda _: None,
    ) -> Remedy:
        """Fit a threshold of scores to the second part, and judge it by the third."""
        records = [
            record.model_copy(
                update={
                    "named": [0] * len(values[kind]),
                    "log_odds": values[kind].tolist(),
                    "seeds": self.parts[kind].tolist(),
                }
            )
            for kind, record in self.evidence.records.items()
        ]
        odds = [np.array(part(e, 1).log_odds) for e in stopped(records)]
        least = least_threshold(odds, self.most)
        judged = Judgement.of(least, [part(e, 2) for e in records], self.most)
        passed = attack(least) if judged.helps else None
        return Remedy(
            name=name,
            judged=judged,
            attacked=passed and Estimate.wilson(*passed),
            helps=judged.helps and (passed is None or is_held(*passed, self.most)),
        )

    def _attack(self, network: Network, more: int, least: float) -> tuple[int, int]:
        """Search anew; count what reaches a threshold of that which is found, and all of it."""
        evidence, spec = self.evidence, self.evidence.spec
        names = (*spec.classes, *[NOTHING] * more)
        spec = replace(
            spec, array="torch", classes=names, nothing=(*spec.nothing, *names[self.count :])
        )
        evidence.clock.extend()
        run = search(
            WatchedTarget(network, spec, [network], evidence.clock.count),
            evidence.searched,
            SEED,
            evidence.folder / f"attack-{more}",
        )
        odds = np.array(read_recorded([run], logits=True).log_odds)
        return int((odds >= least).sum()), len(odds)
