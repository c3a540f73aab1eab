"""What an experiment says of the engine ``dask``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, ValidationInfo, field_validator

from neatfool import Reaches

SINCE = "(new in 0.2)"


class Options(BaseModel, extra="forbid"):
    """Options of the engine ``dask``."""

    workers: PositiveInt | None = Field(
        None,
        le=1024,
        description="so many processes of this machine draw and score. If neither this nor "
        f"`scheduler` is given, one for each core {SINCE}",
    )
    # Whoever answers there may send code.
    scheduler: Annotated[str | None, Reaches.RUNS_CODE] = Field(
        None,
        min_length=1,
        description="the address of a Dask scheduler, `tcp://HOST:8786` or `tls://HOST:8786`, or "
        f"the file that `dask scheduler --scheduler-file` wrote; its workers do the work {SINCE}",
    )
    patience: PositiveFloat = Field(
        60.0,
        description="seconds to wait for a worker where none is left, before the run pauses "
        f"{SINCE}",
    )
    ca_file: Path | None = Field(
        None, description=f"for `tls://`: the certificate authority, a PEM file {SINCE}"
    )
    cert: Path | None = Field(
        None, description=f"for `tls://`: the certificate of this process, a PEM file {SINCE}"
    )
    key: Annotated[Path | None, Reaches.SENDS_KEY] = Field(
        None, description=f"for `tls://`: the key of that certificate, a PEM file {SINCE}"
    )

    @field_validator("scheduler")
    @classmethod
    def _one_place(cls, scheduler: str | None, info: ValidationInfo) -> str | None:
        if scheduler is not None and info.data.get("workers") is not None:
            raise ValueError(
                "'workers' are processes of this machine, and a scheduler has workers of its own; "
                "give one of the two"
            )
        return scheduler
