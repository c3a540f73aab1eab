"""Shows the images of runs to several networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from neatfool.analysis.class_names import match_classes
from neatfool.analysis.of_run import OfRun
from neatfool.analysis.transferability.finding import (
    DRAWN,
    RESIZED,
    SAVED,
    Agreement,
    Asked,
    Figures,
    FiguresOfPair,
    FiguresOfRun,
    Fooling,
    FoolingImage,
    Sight,
    Transfer,
)
from neatfool.analysis.transferability.networks import ask, open_networks
from neatfool.errors import ExperimentError
from neatfool.fooling.choosing import choose_elites
from neatfool.fooling.opening import open_runs
from neatfool.models.photographs import photographs_in, photographs_of
from neatfool.present.output import Output
from neatfool.spec.fitting import fit_images, fit_photograph

if TYPE_CHECKING:
    from neatfool.analysis.transferability.networks import Answers, Network
    from neatfool.models.photographs import Photograph
    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.spec.image_spec import ImageSpec

MOST_ROWS: Final = 90
"""All runs together list at most this many images, so that the page stays below a few MB."""
FEWEST_ROWS: Final = 12
"""But each run lists so many."""


def transfer(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    to: str | Path | Sequence[str | Path] = (),
    classes: Sequence[str] = (),
    least: float = 0.0,
    sample: int | None = None,
    seed: int = 1,
    resize: bool = False,
    in_distribution: str | Path | None = None,
    max_queries: int | None = None,
    console: Output | None = None,
) -> Transfer:
    """Show the images of runs to several networks: the runs' own, and others.

    A class is found by its name: case and underscores do not matter, and commas separate synonyms.

    Args:
        runs: The runs, or the folders that hold them.
        to: Experiments' files, whose networks are asked, too.
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        seed: The seed of the sample.
        resize: For a network that takes another size, resize images; do not draw them anew.
        in_distribution: A folder of images on which to see how far the networks agree; by default
            those that the targets bring along.
        max_queries: The most images to send to each target that costs something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such class, or a network knows no class of any run.
        RunError: No elite fits, or no network can be loaded.
        UntrustedRun: Somebody else made a run, whose own network is to be asked.
        BudgetSpent: A target costs something, and the budget does not suffice.
    """
    console = console or Output(quiet=True)
    files = [Path(file) for file in ([to] if isinstance(to, str | Path) else to)]
    with open_runs(runs, scored=True) as opened, ExitStack() as ending:
        chosen = [
            choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
            for run in opened
        ]
        photographs = photographs_in(Path(in_distribution)) if in_distribution else []
        with console.status("loading the networks"):
            networks, notes = open_networks(opened, files, max_queries, ending)
        photographs = photographs or photographs_of(each.scorer.target for each in networks)
        _check(opened, networks, sum(map(len, chosen)) + len(photographs), max_queries, console)
        total = (sum(map(len, chosen)) + len(photographs)) * len(networks)
        source = f"in {in_distribution}" if in_distribution else "the targets' own"
        with console.progress(total, "answers") as note:
            return Transfer(
                networks=tuple(map(_describe, networks)),
                runs=tuple(
                    _look_at(run, elites, networks, note, redraw=not resize, runs=len(opened))
                    for run, elites in zip(opened, chosen, strict=True)
                ),
                in_distribution=_agree(networks, photographs, source, note),
                notes=tuple(notes),
            )


def _check(
    runs: Sequence[Run],
    networks: Sequence[Network],
    images: int,
    max_queries: int | None,
    console: Output,
) -> None:
    """Refuse networks that know none of the classes, or may not be asked so much."""
    for network in networks:
        theirs = network.spec.classes
        if not (network.spec.open or any(match_classes(run.classes, theirs) for run in runs)):
            raise ExperimentError(
                f"{network.experiment or network.label}: has none of the classes, such as "
                f"{runs[0].classes[0]!r}; its own are called {theirs[0]!r} and so on. Give a "
                "network with the same class names (see class_names of its target)"
            )
    costly = [network.scorer for network in networks if network.scorer.costs]
    for scorer in costly:
        scorer.check_allowed(images * len(costly), max_queries)
        console.say(f"{scorer.name}: this takes up to {images:,} queries")


def _describe(network: Network) -> Asked:
    size = {name: getattr(network.spec, name) for name in ("height", "width", "channels")}
    return Asked(
        key=network.key,
        label=network.label,
        target=network.scorer.name,
        options=network.options,
        fingerprint=network.scorer.fingerprint,
        experiment=None if network.experiment is None else str(network.experiment),
        runs=tuple(str(run.path) for run in network.runs),
        classes=len(network.spec.classes),
        **size,
    )


def _look_at(
    run: Run,
    elites: Sequence[EliteView],
    networks: Sequence[Network],
    note: Callable[[str, int], None],
    *,
    redraw: bool,
    runs: int,
) -> Fooling:
    """Ask all networks about the images of one of several runs."""
    specs = {network.spec.shape: network.spec for network in networks}

    def show_one(elite: EliteView) -> list[torch.Tensor]:
        images = {shape: _draw(elite, spec, redraw=redraw) for shape, spec in specs.items()}
        return [images[network.spec.shape] for network in networks]

    answers = ask(networks, elites, show_one, run.name, note)
    indices = [elite.index for elite in elites]
    columns = [
        _see(network, answer, indices, run.classes)
        for network, answer in zip(networks, answers, strict=True)
    ]
    figures = []
    for network, column in zip(networks, columns, strict=True):
        named = zip(elites, column, strict=True)
        missing = tuple(elite.name for elite, sight in named if sight.confidence is None)
        facts = {"shown": _way(run.spec, network.spec, redraw=redraw), "classes_not_found": missing}
        figures.append(FiguresOfRun(**Figures.of(network.key, column), **facts))
    own = next((place for place, network in enumerate(networks) if run in network.runs), None)
    return Fooling(
        **OfRun.facts(run, len(elites)),
        **_rank(elites, columns, own, max(FEWEST_ROWS, MOST_ROWS // runs)),
        own=None if own is None else networks[own].key,
        networks=tuple(figures),
    )


def _rank(
    elites: Sequence[EliteView], columns: Sequence[Sequence[Sight]], own: int | None, listed: int
) -> dict[str, Any]:
    """Count the other networks that images fool, those first that fool most.

    The images that are listed keep their picture.
    """
    known = [any(sight.confidence is not None for sight in column) for column in columns]
    others = [place for place, ok in enumerate(known) if ok and place != own]
    rows = [*zip(*columns, strict=True)]
    sights = [[row[place] for place in others] for row in rows]
    fooled = np.array([sum(sight.among(1) for sight in row) for row in sights])
    known_to = np.array([sum(sight.confidence is not None for sight in row) for row in sights])
    sure = [sum(sight.confidence or 0.0 for sight in row) for row in sights]
    order = np.lexsort((-np.array(sure), -fooled))
    shown = {*order[: listed - listed // 3], *order[max(0, len(order) - listed // 3) :]}

    def share(flags: np.ndarray, counting: np.ndarray) -> float | None:
        return float(flags[counting].mean()) if others and counting.any() else None

    return {
        "others": len(others),
        "fool_any_other": share(fooled > 0, known_to > 0),
        "fool_all_others": share(fooled == len(others), known_to == len(others)),
        "classes": tuple(
            FoolingImage(
                name=elites[place].name,
                index=elites[place].index,
                recorded=elites[place].confidence,
                networks=rows[place],
                png=elites[place].png if place in shown else b"",
            )
            for place in order
        ),
    }


def _agree(
    networks: Sequence[Network],
    photographs: Sequence[Photograph],
    source: str,
    note: Callable[[str, int], None],
) -> Agreement | None:
    """Look up each network's top-1 classes in all networks' answers; None without images."""
    if not photographs:
        return None

    def show_one(photograph: Photograph) -> list[torch.Tensor]:
        image = photograph.open()
        return [fit_photograph(image, network.scorer.target) for network in networks]

    answers = ask(networks, photographs, show_one, "in-distribution images", note)
    pairs = []
    for network, (_, odds) in zip(networks, answers, strict=True):
        first = [int(row.argmax()) if row.max() > -np.inf else None for row in odds]
        for other, theirs in zip(networks, answers, strict=True):
            figures = Figures.of(other.key, _see(other, theirs, first, network.spec.classes))
            pairs.append(FiguresOfPair(**figures, first_of=network.key))
    return Agreement(source=source, number=len(photographs), agreement=tuple(pairs))


def _see(
    network: Network, answers: Answers, indices: Sequence[int | None], classes: Sequence[str]
) -> list[Sight]:
    """Look up a class of each image in a network's answers.

    An open network might have named a class that it did not name: that is one without confidence.
    The indices count ``classes``; None is one that is not to be looked up.
    """
    sights, (probs, odds), found = [], answers, match_classes(classes, network.spec.classes)
    for row, index in enumerate(indices):
        column = None if index is None else found.get(index)
        if column is None:
            sure = 0.0 if index is not None and network.spec.open else None
            sights.append(Sight(key=network.key, their_class=None, confidence=sure, rank=None))
            continue
        own = odds[row, column]
        sights.append(
            Sight(
                key=network.key,
                their_class=network.spec.classes[column],
                confidence=probs[row, column],
                rank=1 + int((odds[row] > own).sum()) if own > -np.inf else None,
            )
        )
    return sights


def _way(ours: ImageSpec, theirs: ImageSpec, *, redraw: bool) -> str:
    if (ours.height, ours.width) == (theirs.height, theirs.width):
        return SAVED
    return DRAWN if redraw else RESIZED


def _draw(elite: EliteView, spec: ImageSpec, *, redraw: bool) -> torch.Tensor:
    """Give an elite's image as a network takes it: as it was saved, drawn anew, or resized."""
    drawn = _way(elite.run.spec, spec, redraw=redraw) == DRAWN
    pixels = elite.pixels((spec.height, spec.width)) if drawn else elite.saved_pixels()
    return fit_images(torch.from_numpy(pixels.copy())[None], spec)
