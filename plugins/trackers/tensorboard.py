"""The observer ``tensorboard``: event files in the run's folder, for TensorBoard.

``tensorboard --logdir runs`` shows the curves of all runs over the images scored, contact sheets of
the elites, and the experiment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from neatfool import ExperimentError, Register, hookimpl

if TYPE_CHECKING:
    from .event_files import EventFiles


class Options(BaseModel, extra="forbid", frozen=True):
    """Section ``[tensorboard]``."""

    seconds_between_sheets: float = Field(
        60.0,
        ge=0,
        description="the least time from one contact sheet of the elites to the next; there is one "
        "at the end in any case (new in 0.2)",
    )


def make(options: Options) -> EventFiles:
    """Make the observer.

    Raises:
        ExperimentError: The package tensorboard is not installed.
    """
    try:
        from .event_files import EventFiles
    except ImportError as error:
        raise ExperimentError(
            f"observer tensorboard: needs more packages ({error}); pip install "
            "'neatfool[tensorboard]'"
        ) from error
    return EventFiles(options.seconds_between_sheets)


@hookimpl
def neatfool_register_observers(register: Register) -> None:
    """Offer the observer."""
    register("tensorboard", make, options=Options)
