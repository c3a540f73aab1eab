"""The networks that are asked: the runs' own, and those of other experiments."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from neatfool import RunError, distinct_names, load_experiment, open_scorer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from neatfool import ImageSpec, Run, Scorer

_A_NAME: Final = re.compile(r"[a-z][\w:.+-]{2,29}", re.IGNORECASE)
"""An option's value that can stand for a network, in a table: neither a number nor a path."""


@dataclass
class Network:
    """A network.

    Attributes:
        label: What it is called.
        scorer: Scores images with it.
        options: The options of its target.
        experiment: The file that names it; None if only runs do.
        runs: The runs that fooled it.
    """

    label: str
    scorer: Scorer
    options: dict[str, Any]
    experiment: Path | None = None
    runs: list[Run] = field(default_factory=list)

    @property
    def spec(self) -> ImageSpec:
        """The images that it takes, and its classes."""
        return self.scorer.spec

    @property
    def size(self) -> str:
        """Its images' size in words: ``"224x224"``."""
        return f"{self.spec.width}x{self.spec.height}"


def key_of(place: int) -> str:
    """Give a network's letter: A to Z, then A2 and so on."""
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{letter}{place // 26 + 1}"


def open_networks(
    runs: Sequence[Run], files: Sequence[Path], most: int | None, ending: ExitStack
) -> tuple[list[Network], list[str]]:
    """Load networks, each once.

    Two are the same if their fingerprints are.

    Args:
        runs: Runs whose own networks are wanted.
        files: Experiments whose targets are wanted.
        most: How many images may be sent to a target that costs something to ask.
        ending: Closes the networks.

    Returns:
        The networks, the runs' own first, and what is to be said about them.

    Raises:
        RunError: A run's network cannot be loaded, and there is no other.
        NeatfoolError: An experiment or its target is wrong.
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
    for network, label in zip(networks, distinct_names(_labels(networks)), strict=True):
        network.label = label
    return networks, notes


def _labels(networks: Sequence[Network]) -> list[str]:
    """Call networks by the option that tells all of them apart: their models, say."""
    for key in networks[0].options if len(networks) > 1 else ():
        values = [str(network.options.get(key) or "") for network in networks]
        if len({*values}) == len(values) and all(map(_A_NAME.fullmatch, values)):
            return values
    return [network.label for network in networks]


def options_that_differ(networks: Sequence[Network]) -> list[dict[str, Any]]:
    """Give for each network the options of its target in which not all are alike."""
    keys = dict.fromkeys(key for network in networks for key in network.options)
    unlike = [
        key
        for key in keys
        if len({repr(network.options.get(key)) for network in networks}) > 1 and key != "plugin"
    ]
    return [
        {key: value for key in unlike if (value := network.options.get(key)) not in (None, "", [])}
        for network in networks
    ]
