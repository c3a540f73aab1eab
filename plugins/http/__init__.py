"""Target ``http``: a classifier that is reached over HTTP.

:mod:`.open_inference` and :mod:`.json_api` write requests and read answers, which the
:mod:`.service` gets. :mod:`.credentials` keeps the key out of all that is written. Plugins sign
requests by a hook of this plugin's own, :func:`neatfool_sign_request`.
"""

from typing import Any

import pluggy

from neatfool import ExperimentError, hookimpl

from .options import HttpRequest, Options

__all__ = ["HttpRequest", "Options"]

hookspec = pluggy.HookspecMarker("neatfool")


@hookspec
def neatfool_sign_request(request: HttpRequest) -> None:
    """Sign a request just before it is sent; a repeated request is signed again.

    Several threads may call the hook at once.
    """


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Offer the target."""
    register("http", _target, options=Options)


def _target(options: Options, hook: pluggy.HookRelay | None = None) -> Any:
    try:
        from .target import HttpTarget
    except ModuleNotFoundError as error:
        raise ExperimentError(
            f"[target] plugin = http needs {error.name}; pip install 'neatfool[http]'"
        ) from error
    return HttpTarget(options, hook and hook.neatfool_sign_request)
