"""The option ``seed_from``: a search begins with the elites of another run."""

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
    """The elites that a search takes from another run.

    Attributes:
        genomes: The elites' genomes, each once, in the order of their classes.
        record: Their origin: the run's name, its seed, the number of genomes, and their hash.
    """

    genomes: list[Any]
    record: dict[str, Json]


def inherit(folder: Path | str, encoding: Encoding[Any]) -> Inheritance:
    """Take the elites of a run, to begin another search with them.

    That run may have fooled another target: only genomes are taken, not scores.

    Args:
        folder: The run's folder. The run may still be going on.
        encoding: The encoding of the new search, which reads the genomes.

    Raises:
        ExperimentError: The folder holds no run, or one without elites, or their genomes are not
            this encoding's, or their images have other channels.
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
            f"{folder}: this encoding cannot read its genomes ({error}); give a run whose "
            "[encoding] has the same plugin, with images of the same kind"
        ) from error
    drawn = encoding.render(genomes[:1]).shape[1]
    if drawn != channels:
        raise ExperimentError(
            f"{folder}: its images have {channels} channels, and this target's {drawn}; give a run "
            "with images of the same kind"
        )
    digest = sha256("\n".join(texts).encode()).hexdigest()
    record = {"run": name, "seed": seed, "genomes": len(texts), "sha256": digest}
    return Inheritance(genomes, record)
