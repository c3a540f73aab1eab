"""Searches, made and resumed by the program's own commands."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, cast

from neatfool import open_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import click

    from neatfool import Run


def search(
    ctx: click.Context,
    file: Path,
    folder: Path,
    *,
    seed: int,
    overrides: tuple[str, ...],
    options: Mapping[str, str],
) -> Run:
    """Evolve images, or go on where that was interrupted; what it prints goes to standard error.

    Args:
        ctx: The command's context, from which the commands ``run`` and ``resume`` are found.
        file: The experiment.
        folder: The run's folder.
        seed: The run's seed.
        overrides: ``section.key=value`` from the command line.
        options: Further ones, by ``section.key``.

    Returns:
        The finished run, open for reading.

    Raises:
        SystemExit: It was interrupted.
        NeatfoolError: It failed.
    """
    if (folder / "run.db").is_file():
        run = open_run(folder)
        if run.finished:
            return run
        run.close()
        name, arguments = "resume", [str(folder), "--no-report"]
    else:
        settings = (*overrides, *(f"{key}={value}" for key, value in options.items()))
        name = "run"
        arguments = [str(file), "--out", str(folder), "--seed", str(seed), "--no-report"]
        arguments += [word for each in settings for word in ("--set", each)]
    program = cast("click.Group", ctx.find_root().command)
    command = program.get_command(ctx, name)
    assert command is not None
    with redirect_stdout(sys.stderr), command.make_context(name, arguments, parent=ctx) as inner:
        command.invoke(inner)
    return open_run(folder)
