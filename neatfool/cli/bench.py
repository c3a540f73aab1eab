"""``neatfool validate`` and ``neatfool bench``: what an experiment is, and how fast."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.markup import escape

from neatfool.cli.parameters import experiment_parameters, json_option
from neatfool.present.command import FiniteRange, option
from neatfool.present.output import Output
from neatfool.wording import counted, duration, share


@click.command(
    epilog="""\b
Examples:
  neatfool bench experiments/mnist.ini
  neatfool bench experiments/mnist.ini --seconds 30 --set scheme.batch=500
  neatfool bench experiments/mnist.ini --json | jq .ratio

The run's folder is temporary. Try a change with --set before you keep it."""
)
@experiment_parameters
@option(
    "--seconds S",
    "How many seconds to run after the first steady second, unless the experiment ends earlier.",
    FiniteRange(min=0, min_open=True),
    10.0,
)
@json_option
def bench(
    file: Path, seed: int | None, overrides: tuple[str, ...], seconds: float, as_json: bool
) -> None:
    """Measure how fast the experiment in FILE runs, where its time goes and what limits it.

    The target is timed alone, too, so you see how much faster it is when it does nothing else.
    """
    from neatfool.evolution.assembly import assemble
    from neatfool.evolution.bench import measure, too_costly
    from neatfool.experiment.experiment import load_experiment
    from neatfool.plugin.manager import PluginManager

    plugins = PluginManager()
    experiment = load_experiment(file, overrides=overrides, seed=seed, plugins=plugins)
    if experiment.target.costs:
        raise too_costly(experiment.target.label)
    console = Output(stderr=True)
    with TemporaryDirectory(prefix="neatfool-bench-") as folder, console.status("") as live:

        def say(stage: str) -> None:
            live.update(stage)
            if not console.is_terminal:
                console.print(stage, soft_wrap=True)

        say("loading the target")
        run = Path(folder) / "run"
        measured = measure(assemble(experiment), run, plugins=plugins, seconds=seconds, say=say)
    if as_json:
        counts = ("generations", "images", "exact", "seconds", "images_per_s")
        facts = {
            "experiment": experiment.name,
            **{name: getattr(measured, name) for name in counts},
            "target_alone_per_s": measured.alone_per_s,
            "ratio": measured.ratio,
            "stages": {
                name: {"milliseconds_a_generation": milliseconds, "share": part}
                for name, milliseconds, part in measured.rows
            },
            "limit": measured.limit,
            "advice": measured.advice(),
        }
        click.echo(json.dumps(facts, indent=2))
        return
    console, name, screened = Output(), experiment.name, ""
    if measured.exact < measured.images:
        exact = share(measured.exact / measured.images, 1)
        screened = f"; {exact} confirmed, the others only screened"
    generations = counted(measured.generations, "generation", "generations")
    took = f"{generations} ({duration(measured.seconds)}){screened}"
    console.print(f"[bold]{escape(name)}[/]: {measured.images:,} images in {took}", soft_wrap=True)
    alone = f"the target alone scores {measured.alone_per_s:,.0f}: ratio {measured.ratio:.2f}"
    console.say(f"{measured.images_per_s:,.0f} images a second; {alone}")
    console.say(measured.advice())
    rows = [[stage, share(part, 1), f"{spent:,.2f}"] for stage, spent, part in measured.rows]
    console.table(["stage", "share (they may overlap)", "ms a generation"], rows)


@click.command(
    epilog="""\b
Examples:
  neatfool validate experiments/mnist.ini
  neatfool validate experiments/mnist.ini --set scheme.batch=100
  neatfool validate mine.ini > complete.ini"""
)
@experiment_parameters
def validate(file: Path, overrides: tuple[str, ...], seed: int | None) -> None:
    """Check the experiment in FILE, and print it with all its defaults.

    It reports all errors, each with its line. A comment explains each key that has no value. The
    target is not loaded, so names of classes are checked only if its options tell them.
    """
    from neatfool.config.options import named_classes
    from neatfool.evolution.assembly import make
    from neatfool.experiment.experiment import load_experiment
    from neatfool.experiment.framework import check_classes, with_nothing

    experiment = load_experiment(file, overrides=overrides, seed=seed)
    if spec := experiment.target.spec():
        experiment.calls.check_threshold(spec)
        spec = with_nothing(spec, experiment.calls.nothing)
        check_classes(experiment.scheme, spec)
        make(experiment.encoding, spec=spec)
    click.echo(experiment.to_ini(explained=True), nl=False)
    named = [key for key, names in named_classes(experiment.scheme.options).items() if names]
    if named and spec is None:
        why = "not checked, because the target knows its classes only when it is loaded"
        click.echo(f"[scheme] {', '.join(named)}: {why}; `neatfool run` checks them.", err=True)
