"""``neatfool validate``: what an experiment is."""

from pathlib import Path

import click

from neatfool.cli.run import experiment_parameters


@click.command(
    epilog="""\b
Examples:
  neatfool validate experiments/mnist.ini
  neatfool validate experiments/mnist.ini --set scheme.batch=100
  neatfool validate mine.ini > complete.ini"""
)
@experiment_parameters
def validate(file: Path, overrides: tuple[str, ...], seed: int | None) -> None:
    """Check an experiment file, and print it with all defaults.

    It reports all errors, each with its line. A comment names each key that has no value. The
    target is not loaded, so names of classes are checked only if its options tell them.
    """
    from neatfool.config.options import named_classes
    from neatfool.experiment.experiment import load_experiment
    from neatfool.experiment.framework import check_classes, with_nothing

    experiment = load_experiment(file, overrides=overrides, seed=seed)
    if spec := experiment.target.spec():
        experiment.calls.check_threshold(spec)
        spec = with_nothing(spec, experiment.calls.nothing)
        check_classes(experiment.scheme, spec)
        experiment.encoding.make(spec=spec)
    click.echo(experiment.to_ini(with_unset=True), nl=False)
    named = [key for key, names in named_classes(experiment.scheme.options).items() if names]
    if named and spec is None:
        why = "not checked, because the target knows its classes only when it is loaded"
        click.echo(f"[scheme] {', '.join(named)}: {why}; `neatfool run` checks them.", err=True)
