"""Target ``http``: a classifier that is reached over HTTP.

The modules: :mod:`.options` is what an experiment says of it, with :mod:`.presets` for some public
APIs; :mod:`.target` is what is fooled. :mod:`.open_inference` (with :mod:`.metadata`) and
:mod:`.json_api` (with :mod:`.templates` and :mod:`.expressions`) write requests and read answers,
whose :mod:`.numbers` are taken as they are or not at all. :mod:`.service` sends a request until it
is answered, at its turn (:mod:`.pacing`); :mod:`.faults` says what may go wrong.
:mod:`.connections` is the client, :mod:`.wire` and :mod:`.addresses` say where connections may go
and when they end. :mod:`.credentials` has the key and a plugin's signature put into requests, and
:mod:`.api_key` keeps the key out of all that is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import ExperimentError, hookimpl

from .options import Options

if TYPE_CHECKING:
    from .credentials import Sign
    from .target import HttpTarget

__all__ = ["Options"]


def _target(options: Options, sign: Sign | None = None) -> HttpTarget:
    try:
        from .target import HttpTarget
    except ModuleNotFoundError as error:
        raise ExperimentError(
            f"[target] plugin = http: the package {error.name} is not installed; "
            "pip install 'neatfool[http]'"
        ) from error
    return HttpTarget(options, sign)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Offer the target."""
    register("http", _target, options=Options)
