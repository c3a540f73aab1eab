"""The observer ``wandb``: a run at Weights & Biases, or with trackio on this machine.

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
from pydantic import Field

from neatfool import Access, ExperimentError, Register, hookimpl
from neatfool.files import read_json, refuse_link
from neatfool.present import Output, save

from .tracking import TrackedGeneration, Tracker, TrackerOptions

if TYPE_CHECKING:
    from neatfool import Run

MARK: Final = "wandb.json"
"""The file in the run's folder that says up to how many images wandb was told."""


class Options(TrackerOptions):
    """Section ``[wandb]``."""

    library: Literal["wandb", "trackio"] = "wandb"
    """`wandb`: Weights & Biases. `trackio`: the same curves in a database on this machine, which
    `trackio show` opens (new in 0.2)"""
    project: str = Field("neatfool", min_length=1)
    """the project that the run belongs to (new in 0.2)"""
    mode: Annotated[Literal["offline", "online"], Access.SENDS_KEY] = "offline"
    """for `library = wandb`. `offline` writes into the run's folder, and `wandb sync` sends that
    later. `online` sends it during the run, with the key of `wandb login` (new in 0.2)"""


class WandbTracker(Tracker):
    """Tells wandb or trackio of a run."""

    def __init__(self, options: Options) -> None:
        """Take the options, if the library is installed."""
        super().__init__(options.seconds_between_sheets)
        self._options = options
        try:
            self._library: Any = importlib.import_module(options.library)
        except ImportError as error:
            raise ExperimentError(
                f"[wandb] library: {options.library} cannot be imported ({error}); pip install "
                f"'neatfool[{options.library}]'"
            ) from error
        self._run: Any = None
        self._mark = Path()
        self._id = ""

    def begin(self, run: Run) -> int:
        """Begin the run there, or go on with it."""
        options = self._options
        born = json.dumps([run.info.get("clock"), run.name, run.seed, str(run.path.resolve())])
        self._id = hashlib.sha256(born.encode()).hexdigest()[:12]
        self._mark = run.path / MARK
        config = {"experiment": run.experiment, "versions": run.info.get("versions", {})}
        if options.library == "trackio":
            return self._begin_trackio(run, config)
        refuse_link(run.path / "wandb")
        with self._settings_ignored():
            self._begin_wandb(run, config)
        self._say(f"wandb sync {run.path}/wandb/*" if options.mode == "offline" else self._run.url)
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

    def _begin_wandb(self, run: Run, config: dict[str, Any]) -> None:
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
            config=config,
            settings=settings,
        )

    def _begin_trackio(self, run: Run, config: dict[str, Any]) -> int:
        # trackio knows runs by name only, so the name tells apart runs that shared a folder.
        name = f"{run.path.name}-{self._id[:4]}"
        with redirect_stdout(io.StringIO()):
            self._run = self._library.init(
                project=self._options.project,
                name=name,
                resume="allow",
                config=config,
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        self._say(f"trackio show --project {self._options.project}")
        storage = self._library.SQLiteStorage
        return int(storage.get_last_step(self._options.project, run=name) or 0)

    def tell(self, new: Sequence[TrackedGeneration], sheet: Image.Image | None) -> None:
        """Send the figures of each generation."""
        for point in new:
            figures: dict[str, Any] = dict(point.figures)
            figures |= {"generation": point.generation, "seconds": point.seconds}
            if sheet is not None and point is new[-1]:
                caption = f"after {point.images:,} images"
                figures["elites"] = self._library.Image(sheet, caption=caption)
            self._run.log(figures, step=point.images)
        if self._options.library == "wandb":
            mark = {"id": self._id, "images": new[-1].images}
            save(self._mark, json.dumps(mark).encode())

    def end(self) -> None:
        """Wait until all is sent."""
        # wandb's `finish` returns before the last records are in its file.
        end = self._library.finish if self._options.library == "trackio" else self._library.teardown
        with redirect_stdout(io.StringIO()):
            end()

    def _say(self, command: str) -> None:
        Output().print(f"Follow it with: {command}", soft_wrap=True, markup=False, highlight=False)


@hookimpl
def neatfool_register_observers(register: Register) -> None:
    """Offer the observer."""
    register("wandb", WandbTracker, options=Options)
