"""``neatfool serve``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from neatfool.cli.output import waiting
from neatfool.cli.parameters import A_PATH, overrides_option
from neatfool.errors import ExperimentError
from neatfool.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool.serving import Served

MIB = 2**20


@click.command(
    epilog="""\b
Examples:
  neatfool serve experiments/mnist.ini
  neatfool serve experiments/mnist.ini --port 9000 --set target.device=cuda
  NEATFOOL_KEY=... neatfool serve mine.ini --host 0.0.0.0 --api-key-env NEATFOOL_KEY

FILE needs only a section [target]. Ctrl-C (or SIGTERM) ends the service.""",
)
@click.argument("file", type=A_PATH)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen. Use 0.0.0.0, or an address of this machine, to let others connect.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0: any free one.",
)
@click.option(
    "--api-key-env",
    metavar="NAME",
    help="The environment variable with the key that clients must send (Authorization: Bearer).",
)
@click.option(
    "--max-body",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    metavar="MIB",
    help="How large a request may be, and also the numbers in its answer.",
)
@click.option(
    "--max-images",
    type=click.IntRange(min=1),
    default=4096,
    show_default=True,
    help="How many images a request may have.",
)
@overrides_option
def serve(
    file: Path,
    host: str,
    port: int,
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
        from neatfool import serving
    except ImportError as error:
        raise ExperimentError(
            f"neatfool serve needs more packages ({error}); pip install 'neatfool[serve]'"
        ) from error

    experiment = serving.load_target_of(file, overrides=overrides)
    listening = serving.listen(host, port)
    private = serving.is_private_to_this_machine(listening)
    _warn(host, private=private, with_key=key is not None)
    thread = serving.TargetThread(lambda: serving.make_served(experiment))
    with waiting("getting ready (the first time on a machine takes longest)"):
        served = thread.served()
    limits = serving.Limits(max_body * MIB, max_images)
    app = serving.make_app(served, thread, limits, key=key)
    _show_served(served, serving.address_of(listening), key_in=api_key_env)
    serving.serve(app, listening)
    count = thread.statistics
    asked = counted(count.requests, "request", "requests")
    click.echo(f"Ended after {counted(count.images, 'image', 'images')} in {asked}.")
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
        f"--api-key-env {variable}: the environment variable is missing or empty; set it to the key"
    )


def _warn(host: str, *, private: bool, with_key: bool) -> None:
    if private:
        return
    what = "whoever reaches this machine can use the target; --api-key-env NAME asks for a key"
    if with_key:
        what = "the key and the images travel unencrypted; put a proxy with TLS before it"
    click.echo(f"warning: listening on {host}: {what}", err=True)


def _show_served(served: Served, address: str, *, key_in: str | None) -> None:
    """Say what is served where, and the section [target] that fools it."""
    spec = served.spec
    kind = "grey" if spec.channels == 1 else "RGB"
    click.echo(
        f"Serving {served.target}: {len(spec.classes)} classes, {kind} images of "
        f"{spec.height}x{spec.width} pixels; {served.scorer.plan.describe()}"
    )
    lines = ["[target]", "plugin = http", f"url = {address}", f"model = {served.name}"]
    if key_in:
        lines.append(f"api_key_env = {key_in}")
    lines.append("allow_private = true")
    click.echo("An experiment fools it with\n\n" + "\n".join(f"    {line}" for line in lines))
    click.echo("\nCtrl-C ends it.")
