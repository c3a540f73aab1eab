"""What may help where no threshold does, tried on the model: detectors and a new last layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from neatfool import ExperimentError, Network, behind, log_odds
from neatfool.measure import Estimate
from neatfool.ood import Answers, InspectedTarget, detector_names, make_detector
from neatfool.present import Facts

from ..acceptance import least_threshold
from ..confidence import EVOLVED, KNOWN, read_recorded
from .decision import OTHERS, PARTS, Judgement, is_held, part, stopped
from .evidence import Clock, Evidence, WatchedTarget, search

HEADS: Final = 2
"""So many last layers are trained."""
STEPS: Final = 300
"""Of training, at most."""
RATE: Final = 0.003
SEED: Final = 101
"""Of the search that attacks a trained network."""
DRAWN: Final = 200
"""So many random images are outliers, too."""
NOTHING: Final = "nothing of these"
Needs = Literal["probabilities", "logits", "features"]


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
        """Look into the network; why something cannot be tried is put into ``left_out``."""
        self.evidence, self.most, self.left_out = evidence, most, left_out
        evolved, parts = evidence.evolved()
        images = {**evidence.pixels, EVOLVED: evolved}
        self.parts = {kind: np.arange(len(e)) % PARTS for kind, e in images.items()}
        self.parts[EVOLVED] = parts
        self.needs: list[Needs] = ["probabilities", "logits", "features"]
        self.inspected = self._look_inside()
        count = evidence.clock.count
        self.answers = {kind: self.inspected.ask_all(e, count) for kind, e in images.items()}

    def _look_inside(self) -> InspectedTarget:
        """Look as deep into the network as it allows."""
        while True:
            try:
                return InspectedTarget(behind(self.evidence.scorer.target), self.needs)
            except ExperimentError as error:
                if len(self.needs) == 1:
                    raise
                self.left_out.append(f"what looks at {self.needs.pop()}: {error}")

    def run(self) -> Iterator[Remedy]:
        """Try one after the other."""
        known, clock = self._first(KNOWN), self.evidence.clock
        clock.allow_part(HEADS + 1)
        for name in detector_names():
            if clock.is_up:
                self.left_out.append(f"detector {name}: there was no time")
                continue
            try:
                detector = make_detector(name)
                if detector.needs in self.needs:
                    detector.look_at(self.inspected.head)
                    detector.fit(known)
                    values = {k: -detector.score(e).numpy() for k, e in self.answers.items()}
                    yield self._judge(f"detector {name}: {detector.looks_at}", values)
            except ExperimentError as error:
                self.left_out.append(f"detector {name}: {error}")
        if (old := self.inspected.head) is not None:
            encoding = self.evidence.runs[0].encoding.in_generation(0)
            drawn = encoding.render(encoding.create([*range(-DRAWN, 0)])).cpu()
            outliers = [self._first(kind) for kind in self.answers if kind not in {KNOWN, OTHERS}]
            outliers.append(self.inspected.ask_all(drawn))
            for left, name, more in ((HEADS, "a class nothing", 1), (1, "Outlier Exposure", 0)):
                # Half of its time trains it, and the other half attacks it.
                clock.allow_part(2 * left)
                head = _train(old, known, torch.cat([_features(e) for e in outliers]), more, clock)
                clock.allow_part(2 * left - 1)
                values = {
                    k: log_odds(head(_features(e)).numpy())[:, : old.out_features].max(1)
                    for k, e in self.answers.items()
                }
                text = f"{name}: the last layer, trained on these images"
                yield self._judge(text, values, partial(self._attack, head, more))

    def _first(self, kind: str) -> Answers:
        """Give what is known of the first part of a kind."""
        answers, first = self.answers[kind], torch.from_numpy(self.parts[kind] == 0)
        features = None if answers.features is None else answers.features[first]
        return Answers(answers.logits[first], features)

    def _judge(
        self,
        name: str,
        values: Mapping[str, np.ndarray],
        attack: Callable[[float], tuple[int, int] | None] = lambda _: None,
    ) -> Remedy:
        """Fit a threshold of scores to the second part, and judge it by the third."""
        records = []
        for kind, record in self.evidence.records.items():
            lists = {"log_odds": values[kind].tolist(), "seeds": self.parts[kind].tolist()}
            records.append(record.model_copy(update=lists | {"named": [0] * len(values[kind])}))
        odds = [np.array(part(e, 1).log_odds) for e in stopped(records)]
        least = least_threshold(odds, self.most)
        judged = Judgement.of(least, [part(e, 2) for e in records], self.most)
        passed = attack(least) if judged.helps else None
        helps = judged.helps and (passed is None or is_held(*passed, self.most))
        attacked = passed and Estimate.wilson(*passed)
        return Remedy(name=name, judged=judged, attacked=attacked, helps=helps)

    def _attack(self, head: nn.Linear, more: int, least: float) -> tuple[int, int]:
        """Search anew; count what reaches a threshold of that which is found, and all of it."""
        evidence, inside = self.evidence, self.inspected.networks[0]
        scale: Any = {e: getattr(inside, e).flatten().tolist() for e in ("mean", "std")}
        scale |= {"device": str(inside.device), "outputs": "logits"}
        network = Network(NewHead(inside.module, head).eval(), **scale)
        names, nothing = evidence.spec.classes, (NOTHING,) * more
        spec = replace(evidence.spec, array="torch", classes=names + nothing)
        spec = replace(spec, nothing=evidence.spec.nothing + nothing)
        target = WatchedTarget(network, spec, [network], evidence.clock.count)
        run = search(target, evidence.searched, SEED, evidence.folder / f"attack-{more}")
        odds = np.array(read_recorded([run], logits=True).log_odds)
        return int((odds >= least).sum()), len(odds)


def _features(answers: Answers) -> torch.Tensor:
    assert answers.features is not None, "there is a last layer"
    return answers.features


def _train(
    old: nn.Linear, known: Answers, outliers: torch.Tensor, more: int, clock: Clock
) -> nn.Linear:
    """Train a copy of a last layer: with ``more`` classes, or with Outlier Exposure."""
    head = nn.Linear(old.in_features, old.out_features + more)
    head.weight.data[: old.out_features], head.bias.data[: old.out_features] = old.weight, old.bias
    optimizer = torch.optim.Adam(head.parameters(), RATE)
    for step in range(STEPS):
        clock.show()
        if step and clock.is_up:
            break
        real, unreal = head(_features(known)), head(outliers)
        away = unreal.logsumexp(1) - (unreal[:, -1] if more else unreal.mean(1))
        loss = functional.cross_entropy(real, known.classes) + away.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head.requires_grad_(False)
