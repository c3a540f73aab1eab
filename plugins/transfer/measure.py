"""Shows the images of runs to several networks: the runs' own, and those of experiments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import numpy as np
import torch

from neatfool import (
    EliteView,
    ExperimentError,
    Run,
    RunError,
    Scorer,
    Scores,
    choose_elites,
    fit_images,
    fit_photograph,
    load_experiment,
    open_runs,
    open_scorer,
    rank,
)
from neatfool.measure import RunFacts, batch_slices, match_classes
from neatfool.models import Photograph, photographs_in, photographs_of
from neatfool.present import FOLDER, Output, key_of
from neatfool.wording import counted, distinct_names

from . import finding

Thing = TypeVar("Thing")
Note: TypeAlias = Callable[[str, int], None]
Answers: TypeAlias = tuple[np.ndarray, np.ndarray]
"""What a network says of N images, float64 [N, K]: its confidence in each class, and what orders
these: log-odds, or the confidences where it gives no logits, -inf for a class that it omits."""
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
    in_distribution: Annotated[str | Path | None, "FOLDER", FOLDER] = None,
    max_queries: int | None = None,
    console: Output | None = None,
) -> finding.TransferMatrix:
    """Test which other networks a run's images fool.

    Each network is shown the images of all runs at the size that it takes. You see how many are
    top-1 there in their class, how many top-5, and how sure the network is. You also see how far
    the networks agree on in-distribution images, such as photographs; fewer than 50 of them tell
    hardly anything.

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
        in_distribution: In-distribution images, on which to see how far networks agree.
            [default: the targets' own]
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
        neatfool transfer runs/imagenet --to resnet.ini --in-distribution ~/Pictures --json
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
        photographs = photographs_in(Path(in_distribution)) if in_distribution else []
        images = sum(map(len, chosen)) + len(photographs)
        with console.status("loading the networks"):
            networks, notes = _open_networks(opened, files, images, max_queries, ending)
        photographs = photographs or photographs_of(each.scorer.target for each in networks)
        images = sum(map(len, chosen)) + len(photographs)
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
        source = f"in {in_distribution}" if in_distribution else "the targets' own"
        most = max(12, MOST_ROWS // len(opened))
        with console.progress(images * len(networks), "answers") as note:
            return finding.TransferMatrix(
                networks=tuple(network.describe() for network in networks),
                runs=tuple(
                    _look_at(run, elites, networks, note, most=most)
                    for run, elites in zip(opened, chosen, strict=True)
                ),
                in_distribution=_agree(networks, photographs, source, note),
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


def _ask(
    networks: Sequence[TransferNetwork],
    things: Sequence[Thing],
    show_one: Callable[[Thing], list[torch.Tensor]],
    subject: str,
    note: Note,
) -> list[Answers]:
    """Show all networks some images: ``show_one`` makes one for each, uint8 [1, C, H, W]."""
    scores: list[list[Scores]] = [[] for _ in networks]
    steps = batch_slices(len(things), *(network.scorer for network in networks))
    for step in steps:
        note(f"drawing {subject}", 0)
        shown = zip(*map(show_one, things[step]), strict=True)
        for network, images, parts in zip(networks, shown, scores, strict=True):
            parts.append(network.scorer.score(torch.cat(images)))
            note(f"{subject} by {network.label}", len(images))
    answers = []
    for network, parts in zip(networks, scores, strict=True):
        # A network that learns of new classes gives ever more columns.
        shape = len(things), len(network.scorer.spec.classes)
        probs, odds = np.zeros(shape), np.full(shape, -np.inf)
        for step, part in zip(steps, parts, strict=True):
            place = step, slice(part.probs.shape[1])
            probs[place], odds[place] = part.probs, rank(part)
        answers.append((probs, odds))
    return answers


def _look_at(
    run: Run,
    elites: Sequence[EliteView],
    networks: Sequence[TransferNetwork],
    note: Note,
    *,
    most: int,
) -> finding.RunTransfer:
    """Ask all networks about a run's images; those that fool the most others come first."""
    specs = {each.scorer.spec.shape: each.scorer.spec for each in networks}
    drawn = {shape[1:] for shape in specs} - {run.spec.shape[1:]}

    def show_one(elite: EliteView) -> list[torch.Tensor]:
        images = {}
        for shape, spec in specs.items():
            size = shape[1:]
            pixels = elite.pixels(size) if size in drawn else elite.saved_pixels()
            images[shape] = fit_images(torch.from_numpy(pixels.copy())[None], spec)
        return [images[network.scorer.spec.shape] for network in networks]

    asked = _ask(networks, elites, show_one, run.name, note)
    indices = [elite.index for elite in elites]
    columns, figures = [], []
    for network, answers in zip(networks, asked, strict=True):
        column = _find_class(network, answers, indices, run.classes)
        known = zip(elites, column, strict=True)
        missing = tuple(elite.name for elite, answer in known if answer.confidence is None)
        shown = "drawn anew" if network.scorer.spec.shape[1:] in drawn else "as saved"
        sums = finding.TransferFigures.of(network.key, column)
        figures.append(finding.RunFigures(**sums, shown=shown, classes_not_found=missing))
        columns.append(column)
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


def _agree(
    networks: Sequence[TransferNetwork], photographs: Sequence[Photograph], source: str, note: Note
) -> finding.Agreement | None:
    """Look up each network's top-1 classes in all networks' answers; None without images."""
    if not photographs:
        return None

    def show_one(photograph: Photograph) -> list[torch.Tensor]:
        image = photograph.open()
        return [fit_photograph(image, network.scorer.target) for network in networks]

    answers = _ask(networks, photographs, show_one, "in-distribution images", note)
    pairs = []
    for network, (_, odds) in zip(networks, answers, strict=True):
        named = odds.max(1) > -np.inf
        first = odds[named].argmax(1).tolist()
        for other, theirs in zip(networks, answers, strict=True):
            some = theirs[0][named], theirs[1][named]
            answered = _find_class(other, some, first, network.scorer.spec.classes)
            figures = finding.TransferFigures.of(other.key, answered)
            pairs.append(finding.AgreementFigures(**figures, first_of=network.key))
    return finding.Agreement(source=source, number=len(photographs), agreement=tuple(pairs))


def _find_class(
    network: TransferNetwork,
    answers: Answers,
    indices: Sequence[int],
    classes: Sequence[str],
) -> list[finding.NetworkAnswer]:
    """Look up a class of each image in a network's answers.

    An open network might have named a class that it did not: that is one without confidence.
    """
    spec, answered, (probs, odds) = network.scorer.spec, [], answers
    matches = match_classes(classes, spec.classes)
    for row, index in enumerate(indices):
        name, sure, place = None, 0.0 if spec.open else None, None
        if (column := matches.get(index)) is not None:
            name, sure, own = spec.classes[column], probs[row, column], odds[row, column]
            place = 1 + int((odds[row] > own).sum()) if own > -np.inf else None
        answered.append(
            finding.NetworkAnswer(key=network.key, their_class=name, confidence=sure, rank=place)
        )
    return answered
