"""Target ``http``: a classifier that is reached over HTTP.

:mod:`.options` is what an experiment says of it, :mod:`.target` what is fooled. It speaks one of
two protocols, each with options of its own: :mod:`.open_inference` and :mod:`.json_api`, which
write requests and read answers, whose :mod:`.numbers` are taken as they are or refused. Both ask by
way of the :mod:`.client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import ExperimentError, hookimpl

from .options import Options

if TYPE_CHECKING:
    from .client.credentials import Sign
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
