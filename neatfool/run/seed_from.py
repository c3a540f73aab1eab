"""The option ``seed_from``: a search begins with the elites of another run, or with genomes."""

from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from neatfool.errors import ExperimentError, RunError
from neatfool.files import Json
from neatfool.run.folder import DATABASE
from neatfool.run.run import Run
from neatfool.spec.encoding import Encoding

SUFFIXES: Final = (".json", ".xml", ".zip")
"""The suffixes of files that hold genomes."""


@dataclass(frozen=True)
class SeedGenomes:
    """The genomes that a search begins with."""

    genomes: list[Any]
    """The elites' genomes, each once, in the order of classes; or the files', of their names."""
    record: dict[str, Json]
    """Their origin: the run's name and seed, or the name of the folder and null; the number of
    genomes; their hash."""


def inherit(folder: Path | str, encoding: Encoding[Any]) -> SeedGenomes:
    """Take the elites of a run, or the genomes in a folder, to begin a search with them.

    The run may have fooled another target: only genomes are taken, not scores. A folder that is no
    run may hold genomes in ``.json``, ``.xml`` and ``.zip`` files, which the encoding's
    ``from_file`` reads.

    Args:
        folder: The folder. A run may still be going on.
        encoding: The encoding of the new search, which reads the genomes.

    Raises:
        ExperimentError: The folder holds neither a run with elites nor genomes, or one of them is
            not this encoding's, or a run's images have other channels.
    """
    path, files = Path(folder), list[Path]()
    if path.is_dir() and not (path / DATABASE).exists():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES)
    if not files:
        return _inherit_elites(path, encoding)
    genomes = list[Any]()
    for file in files:
        try:
            genomes.append(encoding.from_file(file))
        except OSError as error:
            raise ExperimentError(f"{file}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise ExperimentError(f"{file}: {error}") from error
    return _record(path.name, None, genomes, [encoding.dumps(genome) for genome in genomes])


def _inherit_elites(folder: Path, encoding: Encoding[Any]) -> SeedGenomes:
    try:
        with closing(Run(folder)) as run:
            elites = {elite.candidate_id: elite for elite in run.elites}
            name, seed, channels = run.name, run.seed, run.spec.channels
    except RunError as error:
        fault = f"there is no run to start from, and no genome ({', '.join(SUFFIXES)})"
        raise ExperimentError(f"{fault}: {error} (--set scheme.seed_from=RUN)") from error
    if not elites:
        raise ExperimentError(f"{folder}: the run has no elites yet to start from")
    texts = [elite.genome_text for elite in elites.values()]
    try:
        genomes = [encoding.loads(text) for text in texts]
    except ValueError as error:
        fault = f"{folder}: this encoding cannot read its genomes ({error})"
        advice = "give a run whose [encoding] has the same plugin, with images of the same kind"
        raise ExperimentError(f"{fault}; {advice}") from error
    drawn = encoding.render(genomes[:1]).shape[1]
    if drawn != channels:
        fault = f"{folder}: its images have {channels} channels, and this target's {drawn}"
        raise ExperimentError(f"{fault}; give a run with images of the same kind")
    return _record(name, seed, genomes, texts)


def _record(name: str, seed: int | None, genomes: list[Any], texts: list[str]) -> SeedGenomes:
    digest = sha256("\n".join(texts).encode()).hexdigest()
    record = {"run": name, "seed": seed, "genomes": len(texts), "sha256": digest}
    return SeedGenomes(genomes, record)
