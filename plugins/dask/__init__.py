"""Engine ``dask``: workers in other processes of this machine, or of a cluster of any kind.

The :mod:`.engine` asks a cluster, whose scheduler gives parts to workers; :mod:`.worker` is what
runs in a worker.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, ValidationInfo, field_validator

from neatfool import Access, hookimpl


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the engine ``dask``."""

    workers: PositiveInt | None = Field(None, le=1024)
    """so many processes of this machine draw and score. If neither this nor `scheduler` is given,
    one for each core (new in 0.2)"""
    # Whoever answers there may send code.
    scheduler: Annotated[str | None, Access.RUNS_CODE] = Field(None, min_length=1)
    """the address of a Dask scheduler, `tcp://HOST:8786` or `tls://HOST:8786`, or the file that
    `dask scheduler --scheduler-file` wrote; its workers do the work (new in 0.2)"""
    patience: PositiveFloat = 60.0
    """seconds to wait for a worker where none is left, before the run pauses (new in 0.2)"""

    @field_validator("scheduler")
    @classmethod
    def _one_place(cls, scheduler: str | None, info: ValidationInfo) -> str | None:
        if scheduler is not None and info.data.get("workers") is not None:
            words = "'workers' are processes of this machine, and a scheduler has its own"
            raise ValueError(f"{words}; give one of the two")
        return scheduler


@hookimpl
def neatfool_register_engines(register: Any) -> None:
    """Offer the engine."""
    register("dask", f"{__name__}.engine:DaskEngine", options=Options)
