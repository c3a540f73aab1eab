"""Networks that are asked about the same images: the runs' own, and those of experiments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np
import torch

from neatfool.errors import RunError
from neatfool.experiment.experiment import load_experiment
from neatfool.fooling.opening import open_scorer
from neatfool.present.charts.lines import key_of
from neatfool.spec.scores import rank
from neatfool.wording import distinct_names

if TYPE_CHECKING:
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.scores import Scores

Thing = TypeVar("Thing")
Answers: TypeAlias = tuple[np.ndarray, np.ndarray]
"""What a network says of N images, float64 [N, K]: its confidence in each class, and what orders
these: log-odds, or the confidences where it gives no logits, -inf for a class that it omits."""
AT_A_TIME: Final = 64
"""Images that are drawn and scored together, at least: enough for concurrent calls."""
MOST_AT_A_TIME: Final = 512
"""And at most, so that they fit into memory."""
_A_NAME: Final = re.compile(r"[a-z][\w:.+-]{2,29}", re.IGNORECASE)
"""An option's value that can stand for a network, in a table: neither a number nor a path."""


@dataclass
class Network:
    """A network; only ``experiment`` names it, or only ``runs`` do, or both."""

    label: str
    scorer: Scorer
    options: dict[str, Any]
    experiment: Path | None = None
    runs: list[Run] = field(default_factory=list)
    key: str = ""

    @property
    def spec(self) -> ImageSpec:
        """The images that it takes, and its classes."""
        return self.scorer.spec


def open_networks(
    runs: Sequence[Run], files: Sequence[Path], most: int | None, ending: ExitStack
) -> tuple[list[Network], list[str]]:
    """Load the networks of runs and of experiments' files, each once, as its fingerprint tells.

    Returns:
        The networks, the runs' own first, and what is to be said about them.

    Raises:
        RunError: A run's network cannot be loaded, and there is no other.
    """
    found: dict[str, Network] = {}
    notes: list[str] = []
    for run in runs:
        recorded = str(run.info["target"]["fingerprint"])
        if recorded not in found:
            try:
                # Only a target that costs something takes a budget, and leaves requests behind.
                budget = most if run.requests else None
                scorer = ending.enter_context(closing(open_scorer(run, max_queries=budget)))
            except RunError as error:
                if not files:
                    raise
                notes.append(f"{error}. Its own network is left out.")
                continue
            network = Network(run.name, scorer, dict(run.experiment["target"]))
            if scorer.fingerprint != recorded:
                notes.append(
                    f"{run.path}: its target has changed since the run began, so its images score "
                    "something else than was recorded."
                )
            network = found.setdefault(scorer.fingerprint, network)
            found[recorded] = network
        found[recorded].runs.append(run)
    for file in files:
        experiment = load_experiment(file, to_search=False)
        scorer = open_scorer(experiment, max_queries=most if experiment.target.costs else None)
        if known := found.get(scorer.fingerprint):
            scorer.close()
            known.experiment = known.experiment or file
            continue
        ending.enter_context(closing(scorer))
        options = experiment.resolved()["target"]
        found[scorer.fingerprint] = Network(file.stem, scorer, options, file)
    networks = list({id(network): network for network in found.values()}.values())
    labels = distinct_names(_labels(networks))
    for place, (network, label) in enumerate(zip(networks, labels, strict=True)):
        network.key, network.label = key_of(place), label
    return networks, notes


def _labels(networks: Sequence[Network]) -> list[str]:
    """Call networks by the option that tells all of them apart: their models, say."""
    for key in networks[0].options if len(networks) > 1 else ():
        values = [str(network.options.get(key) or "") for network in networks]
        if len({*values}) == len(values) and all(map(_A_NAME.fullmatch, values)):
            return values
    return [network.label for network in networks]


def ask(
    networks: Sequence[Network],
    things: Sequence[Thing],
    show_one: Callable[[Thing], list[torch.Tensor]],
    what: str,
    note: Callable[[str, int], None],
) -> list[Answers]:
    """Show all networks some images: ``show_one`` makes one for each, uint8 [1, C, H, W]."""
    scores: list[list[Scores]] = [[] for _ in networks]
    # Whole batches for all networks, if they fit into memory.
    sizes = [network.scorer.batch_size for network in networks]
    step = -(-AT_A_TIME // lcm(*sizes)) * lcm(*sizes)
    step = step if lcm(*sizes) <= MOST_AT_A_TIME else max(AT_A_TIME, *sizes)
    for start in range(0, len(things), step):
        note(f"drawing {what}", 0)
        shown = [show_one(thing) for thing in things[start : start + step]]
        for network, images, found in zip(networks, zip(*shown, strict=True), scores, strict=True):
            found.append(network.scorer.score(torch.cat(images)))
            note(f"{what} by {network.label}", len(images))
    return [
        _gather(found, len(network.spec.classes))
        for network, found in zip(networks, scores, strict=True)
    ]


def _gather(parts: Sequence[Scores], classes: int) -> Answers:
    """Put a network's scores together; one that learns of new classes gives ever more columns."""

    def whole(values: Sequence[np.ndarray], missing: float) -> np.ndarray:
        return np.concatenate(
            [
                np.pad(each, ((0, 0), (0, classes - each.shape[1])), constant_values=missing)
                for each in values
            ]
        )

    probs = [np.asarray(part.probs, np.float64) for part in parts]
    return whole(probs, 0.0), whole([rank(part) for part in parts], -np.inf)
