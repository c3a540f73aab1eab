"""``neatfool validate``."""

from __future__ import annotations

from pathlib import Path

import click

from neatfool.cli.parameters import experiment_parameters
from neatfool.present.parameters import option


@click.command(
    epilog="""\b
Examples:
  neatfool validate experiments/mnist.ini
  neatfool validate experiments/mnist.ini --set scheme.batch=100
  neatfool validate mine.ini > complete.ini"""
)
@experiment_parameters
@option("--no-plugins", "Check only what needs no plugin, and import nothing that FILE names.")
def validate(file: Path, overrides: tuple[str, ...], seed: int | None, no_plugins: bool) -> None:
    """Check the experiment in FILE, and print it with all its defaults.

    It reports all errors, each with its line. A comment explains each key that has no value. The
    target is not loaded, so names of classes are checked only if its options tell them.
    """
    if no_plugins:
        from neatfool.experiment.check import validate_framework_only

        click.echo(validate_framework_only(file, overrides=overrides, seed=seed), nl=False)
        click.echo("The options of plugins were not checked.", err=True)
        return
    from neatfool.config.options import named_classes
    from neatfool.experiment.classes import check_classes, with_nothing
    from neatfool.experiment.experiment import load_experiment

    experiment = load_experiment(file, overrides=overrides, seed=seed)
    if spec := experiment.target.spec():
        check_classes(experiment.scheme, with_nothing(spec, experiment.calls.nothing))
    click.echo(experiment.to_ini(explained=True), nl=False)
    named = [key for key, names in named_classes(experiment.scheme.options).items() if names]
    if named and spec is None:
        click.echo(
            f"[scheme] {', '.join(named)}: not checked, because the target knows its classes only "
            "when it is loaded; `neatfool run` checks them.",
            err=True,
        )
