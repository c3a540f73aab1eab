"""The observer ``wandb``: a run at Weights & Biases.

A resumed run goes on as the same run there. No key is an option: ``wandb login`` keeps it.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from unittest.mock import patch

from PIL import Image
from pydantic import BaseModel, Field

from neatfool import Access, ExperimentError, Register, hookimpl
from neatfool.files import read_json, refuse_link
from neatfool.present import Output, save

from .tracking import Tracker, figures_of

if TYPE_CHECKING:
    from neatfool import GenerationReport, Run

MARK: Final = "wandb.json"
"""The file in the run's folder that says up to how many images wandb was told."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Section ``[wandb]``."""

    project: str = Field("neatfool", min_length=1)
    """the project that the run belongs to (new in 0.2)"""
    mode: Annotated[Literal["offline", "online"], Access.SENDS_KEY] = "offline"
    """`offline` writes into the run's folder, and `wandb sync` sends that
    later. `online` sends it during the run, with the key of `wandb login` (new in 0.2)"""


class WandbTracker(Tracker):
    """Tells wandb of a run."""

    def __init__(self, options: Options) -> None:
        """Take the options, if wandb is installed."""
        self._options = options
        try:
            self._library: Any = importlib.import_module("wandb")
        except ImportError as error:
            raise ExperimentError(
                f"[wandb]: wandb cannot be imported ({error}); pip install 'neatfool[wandb]'"
            ) from error
        self._run: Any = None
        self._mark = Path()
        self._id = ""

    def begin(self, run: Run) -> int:
        """Begin the run there, or go on with it."""
        born = json.dumps([run.info.get("clock"), run.name, run.seed, str(run.path.resolve())])
        self._id = hashlib.sha256(born.encode()).hexdigest()[:12]
        self._mark = run.path / MARK
        refuse_link(run.path / "wandb")
        with self._settings_ignored():
            self._begin(run)
        online = self._options.mode == "online"
        follow = self._run.url if online else f"wandb sync {run.path}/wandb/*"
        Output().print(f"Follow it with: {follow}", soft_wrap=True, markup=False, highlight=False)
        images = 0
        with suppress(OSError, ValueError, KeyError, TypeError):
            mark = read_json(self._mark)
            images = int(mark["images"]) if mark["id"] == self._id else 0
        return max(images, int(self._run.step) - 1)

    @contextmanager
    def _settings_ignored(self) -> Iterator[None]:
        """Let wandb read no settings in the working folder, which may name another server."""
        exists, name = os.path.exists, "config-defaults.yaml"
        with (
            patch.object(self._library.Settings, "settings_workspace", os.devnull),
            patch("os.path.exists", lambda path: path != name and exists(path)),
        ):
            yield

    def _begin(self, run: Run) -> None:
        options = self._options
        if options.mode == "online" and not self._library.api.api_key:
            raise ExperimentError("[wandb] mode: there is no key; run `wandb login`")
        # What wandb would gather by itself is left out: the terminal, the code, the machine.
        settings = self._library.Settings(
            silent=True,
            console="off",
            save_code=False,
            disable_git=True,
            disable_job_creation=True,
            x_disable_meta=True,
            x_disable_stats=True,
            reinit="finish_previous",
        )
        self._run = self._library.init(
            project=options.project,
            id=self._id,
            name=run.path.name,
            resume="allow",
            mode=options.mode,
            dir=str(run.path),
            config={"experiment": run.experiment, "versions": run.info.get("versions", {})},
            settings=settings,
        )

    def tell(self, new: Sequence[GenerationReport]) -> None:
        """Send the figures of each generation."""
        for report in new:
            figures = figures_of(report, self.spec) | {"generation": report.generation}
            self._run.log(figures, step=report.evaluations)
        mark = {"id": self._id, "images": new[-1].evaluations}
        save(self._mark, json.dumps(mark).encode())

    def show(self, sheet: Image.Image, images: int) -> None:
        """Send the sheet."""
        self._run.log({"elites": self._library.Image(sheet)}, step=images)

    def end(self) -> None:
        """Wait until all is sent."""
        # wandb's `finish` returns before the last records are in its file.
        with redirect_stdout(io.StringIO()):
            self._library.teardown()


@hookimpl
def neatfool_register_observers(register: Register) -> None:
    """Offer the observer."""
    register("wandb", WandbTracker, options=Options)
