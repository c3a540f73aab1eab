"""Inheritance: a search that begins with what another run has found."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neatfool.errors import ExperimentError, RunError
from neatfool.run.run import Run

if TYPE_CHECKING:
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.json import Json


@dataclass(frozen=True)
class Inheritance:
    """What a run leaves to another one.

    Attributes:
        genomes: Its elites' genomes, each once, in the order of the classes that they hold.
        record: What tells where they are from: the run's name, its seed, how many there are, and
            a hash of them all.
    """

    genomes: list[Any]
    record: dict[str, Json]


def inherit(folder: Path | str, encoding: Encoding[Any]) -> Inheritance:
    """Take the elites of a run, to begin another search with them.

    The other run may have fooled another target: genomes are taken, and no scores.

    Args:
        folder: The run's folder; the run may be under way.
        encoding: Reads the genomes, and is to breed from them.

    Raises:
        ExperimentError: The folder holds no run or one without elites, or they are not genomes of
            this encoding, of images such as the target takes.
    """
    try:
        run = Run(Path(folder))
        elites = {elite.candidate_id: elite for elite in run.elites}
        name, seed, channels = run.name, run.seed, run.spec.channels
        run.close()
    except RunError as error:
        raise ExperimentError(f"there is no run to start from: {error}") from error
    if not elites:
        raise ExperimentError(f"{folder}: the run has no elites yet to start from")
    texts = [elite.genome_text for elite in elites.values()]
    try:
        genomes = [encoding.loads(text) for text in texts]
    except ValueError as error:
        raise ExperimentError(
            f"{folder}: its elites are no genomes of this encoding ({error}); give a run whose "
            "[encoding] has the same plugin, and images of the same kind"
        ) from error
    drawn = encoding.render(genomes[:1]).shape[1]
    if drawn != channels:
        raise ExperimentError(
            f"{folder}: its images have {channels} channels, and this target's {drawn}; give a run "
            "on images of the same kind"
        )
    digest = sha256("\n".join(texts).encode()).hexdigest()
    record = {"run": name, "seed": seed, "genomes": len(texts), "sha256": digest}
    return Inheritance(genomes, record)
