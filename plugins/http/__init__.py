"""Target ``http``: a classifier that is reached over HTTP.

It speaks one of two protocols: :mod:`.open_inference` and :mod:`.json_api` write requests and read
answers, whose :mod:`.answers` are taken as they are or refused. The :mod:`.target` makes the
connection, and the :mod:`.service` sends a request until it is answered. :mod:`.credentials` keeps
the key out of all that is written. Plugins sign requests by the hook
:func:`neatfool_sign_request`, which is this plugin's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pluggy

from neatfool import ExperimentError, NeatfoolError, PluginError, hookimpl

from .options import Options

if TYPE_CHECKING:
    from .target import HttpTarget

__all__ = ["HttpRequest", "Options"]

hookspec = pluggy.HookspecMarker("neatfool")


@dataclass
class HttpRequest:
    """An HTTP request that is about to be sent, for a plugin to sign."""

    method: str
    """``"POST"``, for example."""
    url: str
    """The whole address. A signature may be added to its query."""
    headers: dict[str, str]
    """By name, in small letters. A signature may be added."""
    body: bytes
    """The bytes of the body. Changes to it are ignored."""


@hookspec
def neatfool_sign_request(request: HttpRequest) -> None:
    """Sign a request just before it is sent; a repeated request is signed again.

    Several threads may call the hook at once.
    """


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Offer the target."""
    register("http", _target, options=Options)


def _target(options: Options, hook: pluggy.HookRelay | None = None) -> HttpTarget:
    try:
        from .target import HttpTarget
    except ModuleNotFoundError as error:
        raise ExperimentError(
            f"[target] plugin = http needs {error.name}; pip install 'neatfool[http]'"
        ) from error
    if hook is None or not hook.neatfool_sign_request.get_hookimpls():
        return HttpTarget(options)
    return HttpTarget(options, partial(_sign, hook))


def _sign(
    hook: pluggy.HookRelay, method: str, url: str, headers: dict[str, str], body: bytes
) -> tuple[str, dict[str, str]]:
    """Give a request's address and headers as the plugins sign it, in pluggy's order of calls."""
    request = HttpRequest(method, url, headers, body)
    try:
        hook.neatfool_sign_request(request=request)
    except NeatfoolError:
        raise
    except Exception as error:
        signers = (each.plugin_name for each in hook.neatfool_sign_request.get_hookimpls())
        who = f"{', '.join(signers)}: neatfool_sign_request"
        raise PluginError(f"{who}: {type(error).__name__}: {error}") from error
    return request.url, request.headers
