"""Begins a session of breeding, or goes on with one: a run whose target is a person."""

import logging
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any, Final

import click

from neatfool import ExperimentError, Run, cppn, fool, open_run, open_scorer, require_trust
from neatfool.present import Output
from neatfool.wording import counted

from .app import PersonAtPage

RUNS: Final = Path("runs")
SIDE: Final = 128
GENERATIONS: Final = 1_000_000
"""A session ends when the person ends it."""
SIMPLE: Final[dict[str, Any]] = {"preset": "patterns", "initial_rounds": 12}
"""How pictures are drawn and bred: the first ones are simpler than a search's."""
SMALL: Final = 64
"""Images with fewer pixels a side are drawn less smoothly."""


def breed_by_eye(
    source: Path | None,
    class_name: str | None,
    *,
    target: str | None,
    size: int | None,
    colour: str | None,
    seed: int | None,
    out: Path | None,
    port: int | None,
    show: bool,
) -> None:
    """Serve the page of a session, until it ends; say then how to go on."""
    with ExitStack() as ending:
        onlooker = None
        if target is not None:
            onlooker = ending.enter_context(open_scorer(target, images=1))
        begun = _SessionStart(size, colour, onlooker.spec.shape if onlooker else None)
        given = {"--seed": seed, "--out": out, "--size": size, "--colour": colour}
        if source is None or source.is_file():
            if class_name is not None:
                raise click.UsageError("CLASS is for a run; a file has one genome")
            if source is not None:
                begun.read_file(source)
        else:
            run = ending.enter_context(closing(open_run(source)))
            if class_name is not None:
                begun.read_elite(run, class_name)
            else:
                begun.resume(run, [name for name, value in given.items() if value is not None])
        person = PersonAtPage(*begun.shape, port=port or 0, onlooker=onlooker, show=show)
        person.beginning = begun.genome
        begun.settings["seed"] = begun.settings.get("seed", seed)
        getting_ready = ending.enter_context(ExitStack())
        getting_ready.enter_context(Output(stderr=True).status("getting ready"))
        person.on_ready = getting_ready.close
        with person.serving():
            run = _run(person, begun, out)
    _tell(run, target)


class _SessionStart:
    """What a session begins with: its images' shape, perhaps a genome, and how that is drawn."""

    def __init__(
        self, size: int | None, colour: str | None, shape: tuple[int, int, int] | None
    ) -> None:
        channels, height, width = shape or (3, SIDE, SIDE)
        self.genome: str | None = None
        self.settings: dict[str, Any] = {}
        self._colour = colour
        if size is not None:
            height = width = size
        self.shape = (1 if colour == "grey" else channels, height, width)
        smooth = 2.0 if min(height, width) >= SMALL else 0.5
        self.encoding = {**SIMPLE, "band_limit": smooth, "colour": colour}

    def read_file(self, file: Path) -> None:
        """Begin with the genome in a file, drawn as ``neatfool render`` draws it."""
        look = self._colour and cppn.Look(SIDE, SIDE, inputs="normalised", colour_map=self._colour)
        picture = cppn.read(file, look=look or None).picture(SIDE, self._colour)
        colour, (_, height, width) = picture.look.colours, self.shape
        self.shape = 1 if colour.name == "grey" else 3, height, width
        self.genome = cppn.dumps(picture.genome)
        self.encoding |= {"colour": colour.name, "band_limit": 0.0}

    def read_elite(self, run: Run, class_name: str) -> None:
        """Begin with an elite of a run, drawn as that run draws it."""
        self.genome = run.elite(class_name).genome_text
        self._draw_as(run)

    def resume(self, run: Run, given: list[str]) -> None:
        """Go on with a session."""
        if run.experiment["scheme"].get("plugin") != "interactive":
            advice = f"say whose image to begin with: `neatfool breed {run.path} CLASS`"
            raise ExperimentError(f"{run.path}: is no session of `neatfool breed`; {advice}")
        if given:
            raise click.UsageError(f"{given[0]} is for a new session; {run.path} has its own")
        require_trust(run)
        self._draw_as(run)
        self.settings = {"seed": run.seed, "name": run.name, "out": run.path, "resume_run": True}

    def _draw_as(self, run: Run) -> None:
        recorded = dict(run.experiment["encoding"])
        if recorded.pop("plugin") != "cppn":
            raise ExperimentError(f"{run.path}: its genomes are no CPPNs, which breed draws")
        self.shape = run.spec.shape
        self.encoding = recorded | {"genome": run.experiment["DefaultGenome"]}


def _run(person: PersonAtPage, begun: _SessionStart, out: Path | None) -> Run:
    settings = {"name": "breed", "out": out} | begun.settings
    if settings["seed"] is None:
        numbers = (number for number in count(1) if not (RUNS / f"breed-{number}").exists())
        settings["seed"] = next(numbers) if out is None else 1
    log = logging.getLogger("neatfool.fool")
    log.disabled, before = True, log.disabled  # It says how to go on in Python.
    try:
        return fool(
            person,
            image=person.spec.shape,
            classes=[],
            generations=GENERATIONS,
            scheme="interactive",
            encoding_options=begun.encoding,
            progress=False,
            **settings,
        )
    finally:
        log.disabled = before


def _tell(run: Run, target: str | None) -> None:
    kept = [elite.name for elite in run.elites]
    names = f": {', '.join(kept)}" if kept else ""
    again = f"neatfool breed {run.path}" + (f" --target {target}" if target else "")
    say = Output().say
    say(f"{run.path}: {counted(len(kept), 'picture', 'pictures')} kept{names}")
    if kept:
        say(f"Images are in {run.path / 'images'}")
    say(f"Go on with: {again}")
