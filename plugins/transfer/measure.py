"""Shows the images of runs to several networks: the runs' own, and those of experiments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import torch

from neatfool import (
    EliteView,
    ExperimentError,
    ImageSpec,
    Run,
    RunError,
    Scorer,
    Scores,
    choose_elites,
    fit_images,
    load_experiment,
    open_runs,
    open_scorer,
    rank,
)
from neatfool.measure import RunFacts, batch_slices, match_classes
from neatfool.present import Output, key_of
from neatfool.wording import counted, distinct_names

from . import finding

MOST_ROWS: Final = 90
"""All runs together list at most this many images, so that the page stays below a few MB."""


@dataclass
class TransferNetwork:
    """A network; only ``experiment`` names it, or only ``runs`` do, or both."""

    label: str
    scorer: Scorer
    experiment: Path | None = None
    runs: list[Run] = field(default_factory=list)
    key: str = ""

    def describe(self) -> finding.TransferTarget:
        """Say what it is."""
        return finding.TransferTarget(
            key=self.key,
            label=self.label,
            target=self.scorer.name,
            experiment=self.experiment and str(self.experiment),
            runs=tuple(str(run.path) for run in self.runs),
            shape=self.scorer.spec.shape,
            classes=len(self.scorer.spec.classes),
        )


def transfer(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    to: Annotated[str | Path | Sequence[str | Path], "EXPERIMENT..."] = (),
    classes: Sequence[str] = (),
    least: float | None = None,
    sample: int | None = None,
    seed: int = 1,
    max_queries: int | None = None,
    console: Output | None = None,
) -> finding.TransferMatrix:
    """Test which other networks a run's images fool.

    Each network is shown the images of all runs at the size that it takes. You see how many are
    top-1 there in their class, how many top-5, and how sure the network is.

    A network that takes another size sees the picture drawn anew. A class is found by its name:
    case and underscores do not matter, and commas separate synonyms. Images of a class that a
    network does not have do not count there.

    An interrupted command begins anew.

    Args:
        runs: The runs, or the folders that hold them. Experiments' files among them count as
            ``to``.
        to: Files of experiments whose networks are to see the images, too. Name one or several.
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        seed: The seed of the sample.
        max_queries: The most images to send in all to targets that cost something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such class, or a network knows no class of any run.
        RunError: No elite fits, or no network can be loaded.
        UntrustedRun: Another person made a run, whose own network is to be asked.
        BudgetSpent: A target costs something, and the budget does not suffice.

    Examples:
        neatfool transfer runs/mnist-1 --to experiments/another_lenet.ini
        neatfool transfer runs/lite0-1 runs/lite1-1 runs/lite2-1 --html transfer.html
        neatfool transfer runs/lite0-1 --to lite1.ini lite2.ini --least 0.5 --csv images.csv
        neatfool transfer runs/imagenet --to resnet.ini --json
        neatfool transfer runs/mnist-1 --to experiments/api.ini --sample 50 --max-queries 400
    """
    named = [runs] if isinstance(runs, Run | str | Path) else [*runs]
    folders = [each for each in named if isinstance(each, Run) or not Path(each).is_file()]
    if not folders:
        raise ExperimentError("transfer: name at least one run whose images are to be shown")
    files = [Path(each) for each in ([to] if isinstance(to, str | Path) else to)]
    files += [Path(each) for each in named if not isinstance(each, Run) and each not in folders]
    console = console or Output(quiet=True)
    with (
        open_runs(folders, scored=True, for_classifiers="neatfool transfer") as opened,
        ExitStack() as ending,
    ):
        chosen = [
            choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
            for run in opened
        ]
        images = sum(map(len, chosen))
        with console.status("loading the networks"):
            networks, notes = _open_networks(opened, files, images, max_queries, ending)
        for network in networks:
            spec = network.scorer.spec
            if not (spec.open or any(match_classes(run.classes, spec.classes) for run in opened)):
                raise ExperimentError(
                    f"{network.experiment or network.label}: has none of the classes, such as "
                    f"{opened[0].classes[0]!r}; its own are called {spec.classes[0]!r} and so on. "
                    "Give a network with the same class names (see class_names of its target)"
                )
        costly = [network.scorer for network in networks if network.scorer.costs]
        for scorer in costly:
            scorer.check_allowed(images * len(costly), max_queries)
            console.say(f"{scorer.name}: this takes up to {counted(images, 'query', 'queries')}")
        most = max(12, MOST_ROWS // len(opened))
        with console.progress(images * len(networks), "answers") as note:
            return finding.TransferMatrix(
                networks=tuple(network.describe() for network in networks),
                runs=tuple(
                    _look_at(run, elites, networks, note, most=most)
                    for run, elites in zip(opened, chosen, strict=True)
                ),
                notes=tuple(notes),
            )


def _open_networks(
    runs: Sequence[Run], files: Sequence[Path], images: int, most: int | None, ending: ExitStack
) -> tuple[list[TransferNetwork], list[str]]:
    """Load the networks of runs and of files, each once, the runs' own first; and notes on them."""
    found: dict[str, TransferNetwork] = {}
    notes: list[str] = []
    for run in runs:
        recorded = str(run.info["target"]["fingerprint"])
        if recorded not in found:
            try:
                # Only a target that costs something takes a budget, and leaves requests behind.
                budget = most if run.requests else None
                scorer = open_scorer(run, max_queries=budget, images=images)
                ending.callback(scorer.close)
            except RunError as error:
                if not files:
                    raise
                notes.append(f"{error}. Its own network is left out.")
                continue
            network = TransferNetwork(run.name, scorer)
            if scorer.fingerprint != recorded:
                notes.append(
                    f"{run.path}: its target has changed since the run began, so its images score "
                    "something else than was recorded."
                )
            found[recorded] = found.setdefault(scorer.fingerprint, network)
        found[recorded].runs.append(run)
    for file in files:
        experiment = load_experiment(file, to_search=False)
        budget = most if experiment.target.costs else None
        scorer = open_scorer(experiment, max_queries=budget, images=images)
        ending.callback(scorer.close)
        network = found.setdefault(scorer.fingerprint, TransferNetwork(file.stem, scorer))
        network.experiment = network.experiment or file
    networks = list({id(network): network for network in found.values()}.values())
    labels = [network.label for network in networks]
    for place, (network, label) in enumerate(zip(networks, distinct_names(labels), strict=True)):
        network.key, network.label = key_of(place), label
    return networks, notes


def _look_at(
    run: Run,
    elites: Sequence[EliteView],
    networks: Sequence[TransferNetwork],
    note: Callable[[str, int], None],
    *,
    most: int,
) -> finding.RunTransfer:
    """Ask all networks about a run's images; those that fool the most others come first."""
    specs = [network.scorer.spec for network in networks]
    drawn = {spec.shape[1:] for spec in specs} - {run.spec.shape[1:]}
    scores: list[list[Scores]] = [[] for _ in networks]
    steps = batch_slices(len(elites), *(network.scorer for network in networks))
    for step in steps:
        note(f"drawing {run.name}", 0)
        shown = {spec.shape: _show(elites[step], spec, drawn) for spec in specs}
        for network, parts in zip(networks, scores, strict=True):
            images = shown[network.scorer.spec.shape]
            parts.append(network.scorer.score(images))
            note(f"{run.name} by {network.label}", len(images))
    columns, figures = [], []
    for network, parts in zip(networks, scores, strict=True):
        columns.append(_find_classes(network, parts, elites, run.classes))
        how = "drawn anew" if network.scorer.spec.shape[1:] in drawn else "as saved"
        names = [elite.name for elite in elites]
        figures.append(finding.TransferFigures.of(columns[-1], names, how))
    own = next((network.key for network in networks if run in network.runs), None)
    fooled, order = _rank_fooling([column for column in columns if column[0].key != own])
    with_picture = {*order[: most - most // 3], *order[max(0, len(order) - most // 3) :]}
    return finding.RunTransfer(
        **RunFacts.facts(run, elites),
        **fooled,
        own=own,
        networks=tuple(figures),
        classes=tuple(
            finding.FoolingImage(
                name=elites[place].name,
                index=elites[place].index,
                recorded=elites[place].confidence,
                networks=tuple(column[place] for column in columns),
                png=elites[place].png if place in with_picture else b"",
            )
            for place in order or range(len(elites))
        ),
    )


def _rank_fooling(
    columns: Sequence[Sequence[finding.NetworkAnswer]],
) -> tuple[dict[str, Any], list[int]]:
    """Sum up other networks' answers.

    Returns:
        How many networks know any class, the shares of images that fool one and all of these, of
        those whose class one or all have, and the images' places, the most fooling first.
    """
    fooled: dict[str, Any] = {"others": 0, "fool_any_other": None, "fool_all_others": None}
    columns = [each for each in columns if any(one.confidence is not None for one in each)]
    if not columns:
        return fooled, []
    first = np.array([[one.rank == 1 for one in column] for column in columns])
    known = np.array([[one.confidence is not None for one in column] for column in columns])
    sure = np.array([[one.confidence or 0 for one in column] for column in columns])
    fooled["others"] = len(columns)
    for key, some in (("fool_any_other", np.any), ("fool_all_others", np.all)):
        if (counting := some(known, axis=0)).any():
            fooled[key] = some(first, axis=0)[counting].mean()
    return fooled, np.lexsort((-sure.sum(0), -first.sum(0))).tolist()


def _show(elites: Sequence[EliteView], spec: ImageSpec, drawn: set[Any]) -> torch.Tensor:
    """Make a network's images of elites, uint8 [N, C, H, W]; of the sizes ``drawn`` anew."""
    size = spec.shape[1:]
    pixels = [each.pixels(size) if size in drawn else each.saved_pixels() for each in elites]
    return fit_images(torch.from_numpy(np.stack(pixels)), spec)


def _find_classes(
    network: TransferNetwork,
    parts: Sequence[Scores],
    elites: Sequence[EliteView],
    classes: Sequence[str],
) -> list[finding.NetworkAnswer]:
    """Look up each elite's class in what a network says of their images, in ``parts``.

    An open network might have named a class that it did not: that is one without confidence.
    """
    spec, answers = network.scorer.spec, []
    matches, waiting = match_classes(classes, spec.classes), iter(elites)
    for part in parts:
        for probs, odds in zip(part.probs, rank(part), strict=True):
            name, sure, place = None, 0.0 if spec.open else None, None
            if (column := matches.get(next(waiting).index)) is not None:
                name = spec.classes[column]
                # A network that learns of new classes gives ever more columns.
                met = column < len(probs) and odds[column] > -np.inf
                sure = probs[column] if column < len(probs) else 0.0
                place = 1 + int((odds > odds[column]).sum()) if met else None
            answers.append(
                finding.NetworkAnswer(
                    key=network.key, their_class=name, confidence=sure, rank=place
                )
            )
    return answers
