"""The command ``neatfool serve``: a target for other machines, by the Open Inference Protocol v2.

:class:`.served.TargetThread` makes and calls an experiment's target in its own thread,
through a scorer as a run uses it (:mod:`.served`). A small web application (:mod:`.app`) reads
requests (:mod:`.requests`) and writes answers. :mod:`.listening` connects it to the network. The
package :mod:`.watch`, which shows runs, listens in the same way.

Needs starlette, uvicorn and orjson: ``pip install 'neatfool[serve]'``.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import ExperimentError, hookimpl
from neatfool.present import option, overrides_option
from neatfool.wording import counted

if TYPE_CHECKING:
    from .served import Served

MIB: Final = 2**20


def _check_names(
    context: click.Context, option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", name):
            raise click.BadParameter(f"{name!r} is no name such as api.example.org; give no port")
    return names


@click.command(
    epilog="""\b
Examples:
  neatfool serve experiments/mnist.ini
  neatfool serve experiments/mnist.ini --port 9000 --set target.device=cuda
  NEATFOOL_KEY=... neatfool serve mine.ini --host 0.0.0.0 --api-key-env NEATFOOL_KEY

FILE needs only a section [target]. Ctrl-C (or SIGTERM) ends the service.
It needs `pip install 'neatfool[serve]'`."""
)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--host ADDRESS",
    "Where to listen. Use 0.0.0.0, or an address of this machine, to let others connect.",
    str,
    "127.0.0.1",
)
@option("--port N", "The port; 0: any free one.", click.IntRange(0, 65535), 8080)
@option(
    "--allow-host NAME",
    "A name that clients may call this machine by, a proxy's for example; repeat it for more. "
    "`*.NAME`: all that end so; `*`: any. Its addresses, `localhost`, its own name and that of "
    "--host are allowed.",
    str,
    into="names",
    multiple=True,
    callback=_check_names,
)
@option(
    "--api-key-env NAME",
    "The environment variable with the key that clients must send (Authorization: Bearer).",
    str,
)
@option(
    "--max-body MIB",
    "How large a request may be, packed or unpacked, and the scores in its answer.",
    click.IntRange(min=1),
    64,
)
@option("--max-images N", "How many images a request may have.", default=4096)
@overrides_option
def serve(
    *,
    file: Path,
    host: str,
    port: int,
    names: tuple[str, ...],
    api_key_env: str | None,
    max_body: int,
    max_images: int,
    overrides: tuple[str, ...],
) -> None:
    """Serve the target of the experiment in FILE over HTTP (Open Inference Protocol v2).

    Another machine can then fool it: a target that needs a GPU, or its own environment.
    """
    key = _key(api_key_env)
    try:
        from . import listening
        from .app import make_app
        from .requests import Limits
        from .served import TargetThread, make_served
    except ImportError as error:
        raise ExperimentError(
            f"neatfool serve needs more packages ({error}); pip install 'neatfool[serve]'"
        ) from error
    from neatfool import load_experiment
    from neatfool.present import Output

    experiment = load_experiment(file, overrides=overrides, to_search=False)
    with listening.listen(host, port) as place:
        if not listening.is_private_to_this_machine(place):
            words = (
                "whoever reaches this machine can use the target; --api-key-env NAME asks for a key"
            )
            if key is not None:
                words = "the key and the images travel unencrypted; put a proxy with TLS before it"
            click.echo(f"warning: listening on {host}: {words}", err=True)
        thread = TargetThread(lambda: make_served(experiment))
        with Output(stderr=True).status(
            "getting ready (the first time on a machine takes longest)"
        ):
            served = thread.served()
        limits = Limits(max_body * MIB, max_images)
        known = ("localhost", socket.gethostname(), host, *names)
        app = make_app(served, thread, limits, names=known, key=key)
        _show_served(served, listening.address_of(place), key_in=api_key_env)
        listening.serve(app, place)
    count = thread.statistics
    images = counted(count.images, "image", "images")
    click.echo(f"Ended after {images} in {counted(count['success'].count, 'request', 'requests')}.")
    if not thread.stop(seconds=0.5):
        click.echo("The target is still in a call, which is abandoned.", err=True)
        sys.stdout.flush()
        # A normal exit would wait for the target's threads.
        os._exit(0)


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    if key := os.environ.get(variable, "").strip():
        return key
    raise ExperimentError(
        f"--api-key-env {variable}: the variable is missing or empty; set it to the key"
    )


def _show_served(served: Served, address: str, *, key_in: str | None) -> None:
    """Say what is served where, and the section [target] that fools it."""
    spec = served.spec
    kind = "grey" if spec.channels == 1 else "RGB"
    click.echo(
        f"Serving {served.scorer.name}: {len(spec.classes)} classes, {kind} images of "
        f"{spec.height}x{spec.width} pixels; {served.scorer.describe()}"
    )
    lines = ["[target]", "plugin = http", f"url = {address}", f"model = {served.name}"]
    if key_in:
        lines.append(f"api_key_env = {key_in}")
    lines.append("allow_private = true")
    click.echo("An experiment fools it with\n\n" + "\n".join(f"    {line}" for line in lines))
    click.echo("\nCtrl-C ends it.")


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool serve``."""
    cli.add_command(serve)
