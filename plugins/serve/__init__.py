"""The command ``neatfool serve``: a target for other machines, by the Open Inference Protocol v2.

:mod:`.target` makes and calls an experiment's target in a thread of its own. A web application
(:mod:`.app`) reads :mod:`.requests`, counts what they hold in memory, and writes answers.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from neatfool import ExperimentError, hookimpl, present
from neatfool.present import make_command

if TYPE_CHECKING:
    from .target import ServedTarget


class HostName(click.ParamType[str]):
    """A name that clients may call this machine by."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is none."""
        if not re.fullmatch(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", value):
            self.fail(f"{value!r} is no name such as api.example.org; give no port", param, ctx)
        return str(value)


@make_command
def serve(
    file: Annotated[Path, "FILE"],
    *,
    host: Annotated[str, "ADDRESS"] = "127.0.0.1",
    port: Annotated[int, "N", click.IntRange(0, 65535)] = 8080,
    names: Annotated[Sequence[str], "--allow-host NAME", HostName()] = (),
    api_key_env: Annotated[str | None, "NAME"] = None,
    max_body: Annotated[int, "MIB"] = 64,
    overrides: Sequence[str] = (),
) -> None:
    """Serve a target over HTTP (Open Inference Protocol v2).

    Another machine can then fool it: a target that needs a GPU, or its own environment.

    Args:
        file: The experiment's file.
        host: Where to listen. Use 0.0.0.0, or an address of this machine, to let others connect.
        port: The port; 0: any free one.
        names: A name that clients may call this machine by, a proxy's for example; repeat it for
            more. `*.NAME`: all that end so; `*`: any. Its addresses, `localhost`, its own name and
            that of --host are allowed.
        api_key_env: The environment variable with the key that clients must send (Authorization:
            Bearer).
        max_body: How large a request may be; JSON may have a sixteenth of that, and the scores in
            an answer an eighth. All requests together hold at most four times as much in memory,
            whatever is sent; those that do not fit are told to try again.
        overrides: Keys of the experiment to override.

    Examples:
        neatfool serve experiments/mnist.ini
        neatfool serve experiments/mnist.ini --port 9000 --set target.device=cuda
        NEATFOOL_KEY=... neatfool serve mine.ini --host 0.0.0.0 --api-key-env NEATFOOL_KEY

        FILE needs only a section [target]. Ctrl-C (or SIGTERM) ends the service.
        It needs `pip install 'neatfool[serve]'`.
    """
    key = None if api_key_env is None else os.environ.get(api_key_env, "").strip()
    if key == "":
        raise ExperimentError(f"--api-key-env {api_key_env}: it is missing or empty; set it")
    try:
        from neatfool.server import address_of, listen, run_server

        from .app import make_app
        from .requests import RequestLimits
        from .target import TargetThread, make_served_target
    except ImportError as error:
        raise ExperimentError(
            f"neatfool serve needs more packages ({error}); pip install 'neatfool[serve]'"
        ) from error
    from neatfool import load_experiment

    experiment = load_experiment(file, overrides=overrides, to_search=False)
    with listen(host, port) as listening:
        if not ip_address(listening.getsockname()[0]).is_loopback:
            words = "the key and the images travel unencrypted; put a proxy with TLS before it"
            if key is None:
                words = "whoever reaches it can use the target; --api-key-env NAME asks for a key"
            present.Output(stderr=True).say(f"warning: listening on {host}: {words}")
        thread = TargetThread(lambda: make_served_target(experiment))
        with present.Output(stderr=True).status(
            "getting ready (the first time on a machine takes longest)"
        ):
            served = thread.served()
        limits = RequestLimits(max_body * 2**20)
        known = ("localhost", socket.gethostname(), host, *names)
        app = make_app(served, thread, limits, names=known, key=key)
        _show_served(served, address_of(listening), key_in=api_key_env)
        run_server(app, listening)
    if not thread.stop(seconds=0.5):
        present.Output(stderr=True).say("The target is still in a call, which is abandoned.")
        sys.stdout.flush()
        # A normal exit would wait for the target's threads.
        os._exit(0)


def _show_served(served: ServedTarget, address: str, *, key_in: str | None) -> None:
    """Say what is served where, and the section [target] that fools it."""
    spec = served.spec
    kind = "grey" if spec.channels == 1 else "RGB"
    console = present.Output()
    console.say(
        f"Serving {served.scorer.name}: {len(spec.classes)} classes, {kind} images of "
        f"{spec.height}x{spec.width} pixels; {served.scorer.describe()}"
    )
    key = f"\n    api_key_env = {key_in}" if key_in else ""
    console.say(
        "An experiment fools it with\n\n    [target]\n    plugin = http\n    url = "
        f"{address}\n    model = {served.name}{key}\n    allow_private = true\n\nCtrl-C ends it."
    )


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool serve``."""
    cli.add_command(serve)
