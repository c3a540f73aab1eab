"""The framework's keys: ``[experiment]``, ``[plugins]``, and in ``[target]`` how it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, Field, PositiveInt, ValidationInfo, field_validator

from neatfool.budget.ledger import Budget
from neatfool.config.options import read_options
from neatfool.config.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neatfool.config.problems import Problems

LENGTHS: Final = ("generations", "images")
FRAMEWORK_SECTIONS: Final = ("experiment", "plugins", "target", "encoding", "scheme")
_UNSAFE: Final = re.compile(r"[^\w.+-]+|^[^\w]+|\.+$")


class General(BaseModel, extra="forbid"):
    """Section ``[experiment]``."""

    name: str | None = Field(None, description="the run's name; the file's if absent")
    generations: PositiveInt | None = Field(None, description="how many generations to run")
    images: PositiveInt | None = Field(None, description="how many images to score in all")
    seed: int = Field(1, ge=0, lt=2**63, description="what all chance comes from")
    checkpoint_every: PositiveInt = Field(1, description="generations a commit to disk")
    stall_after: PositiveInt = Field(
        50, description="generations without an improvement after which it is said"
    )

    @field_validator("name")
    @classmethod
    def _fit_for_a_folder(cls, name: str | None) -> str | None:
        if name is not None and name != safe_name(name):
            raise ValueError(
                f"{name!r} cannot name a folder; use letters, figures and . _ + - only, for "
                f"example {safe_name(name)!r}"
            )
        return name

    @field_validator("images")
    @classmethod
    def _one_length(cls, images: int | None, info: ValidationInfo) -> int | None:
        if images is not None and info.data.get("generations") is not None:
            raise ValueError("both 'images' and 'generations' are given; keep one of the two")
        return images


class Sources(BaseModel, extra="forbid"):
    """Section ``[plugins]``."""

    path: list[Path] = Field([], description="files and folders that hold plugins")
    observers: list[str] = Field([], description="installed observers to tell of the run")


class Calls(BaseModel, extra="forbid", frozen=True):
    """The framework's keys of ``[target]``."""

    batch_size: Annotated[int, Field(gt=0, le=65536)] | Literal["auto"] = Field(
        "auto", description="images a call of the target"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        description="how images are screened before the promising ones are scored in fp32: in "
        "half precision, bf16 or fp16, or not at all, fp32; auto measures what is fastest",
    )
    threads: Annotated[int, Field(gt=0, le=1024)] | Literal["auto"] = Field(
        "auto", description="threads that the target's network uses on a CPU; auto measures"
    )
    graph: Literal["fused", "frozen", "eager", "compiled"] = Field(
        "fused",
        description="how the target's network runs: traced, simplified and, on a CPU, neighbouring "
        "operations made one; that without the last; as it is written; or by torch.compile, which "
        "takes minutes first and needs a compiler",
    )
    max_queries: PositiveInt | None = Field(
        None, description="images that may be sent in all, if asking the target costs something"
    )
    max_requests: PositiveInt | None = Field(
        None, description="requests that may be sent in all, if asking the target costs something"
    )

    @property
    def budget(self) -> Budget:
        """The most that may be spent."""
        return Budget(self.max_queries, self.max_requests)


@dataclass(frozen=True)
class Framework:
    """The framework's keys; a section that is wrong has its defaults."""

    general: General
    sources: Sources
    calls: Calls


def read_framework(sections: Mapping[str, Section], problems: Problems) -> Framework:
    """Read the framework's keys."""
    general = read_options(General, "experiment", sections, problems)
    target = sections.get("target", Section({}, ""))
    own = {key: value for key, value in target.values.items() if key in Calls.model_fields}
    calls = read_options(Calls, "target", {"target": replace(target, values=own)}, problems)
    sources = read_options(Sources, "plugins", sections, problems)
    _require_a_length(sections.get("experiment", Section({}, "")), problems)
    return Framework(general or General(), sources or Sources(), calls or Calls())


def with_one_length(sections: dict[str, Section]) -> dict[str, Section]:
    """Let a length from the command line replace the file's, generations or images."""
    section = sections.get("experiment", Section({}, ""))
    lengths = {key: value for key, value in section.values.items() if key in LENGTHS}
    outside = {key for key, value in lengths.items() if not value.line}
    if len(lengths) == 2 and len(outside) == 1:
        kept = {
            key: value
            for key, value in section.values.items()
            if key not in lengths or key in outside
        }
        return sections | {"experiment": replace(section, values=kept)}
    return sections


def safe_name(text: str) -> str:
    """Turn text into a similar name that is safe for a folder."""
    return _UNSAFE.sub("-", text).strip("-.+")[:100] or "experiment"


def _require_a_length(section: Section, problems: Problems) -> None:
    if not any(key in section.values for key in LENGTHS):
        what = "missing; say how long to run: 'generations = N' or 'images = N'"
        problems.add_at(section, "experiment", "generations", what)
