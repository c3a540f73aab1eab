"""Event files, which TensorBoard shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from neatfool import refuse_link

from .following import Follower

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL import Image

    from neatfool import Run

    from .figures import Point

FOLDER: Final = "tensorboard"
FILES: Final = "events.out.tfevents.*"


class EventFiles(Follower):
    """Writes a run's event files."""

    def __init__(self, seconds_between_sheets: float) -> None:
        """Take the least time from one contact sheet to the next."""
        super().__init__(seconds_between_sheets)
        self._folder = Path()
        self._started = 0.0

    def begin(self, run: Run) -> int:
        """Open an event file beside those that the run has already."""
        self._folder = refuse_link(run.path / FOLDER)
        if run.generation < 0:
            for stale in self._folder.glob(FILES):  # of a run that this one took the folder of
                stale.unlink()
        clock = run.info.get("clock", {})
        self._started = datetime.fromisoformat(clock["started"]).timestamp()
        known = max(_steps(self._folder), default=0)
        # An older copy of the database was put back: what lies ahead of it is hidden.
        purge = run.evaluations + 1 if known > run.evaluations else None
        self._writer = SummaryWriter(str(self._folder), purge_step=purge)
        if not known:
            text = _tables(run.experiment)
            self._writer.add_text("experiment", text, 0, self._started)
            self._writer.flush()
        return known

    def tell(self, new: Sequence[Point], sheet: Image.Image | None) -> None:
        """Write an event for each generation. It is there as a whole, or not at all."""
        files: Any = self._writer.file_writer
        for point in new:
            wall_time = self._started + point.seconds
            values = [Summary.Value(tag=tag, simple_value=x) for tag, x in point.figures.items()]
            files.add_summary(Summary(value=values), point.images, wall_time)
        if sheet is not None:
            pixels = np.asarray(sheet)
            self._writer.add_image("elites", pixels, point.images, wall_time, dataformats="HWC")
        self._writer.flush()

    def end(self) -> None:
        """Close the file."""
        self._writer.close()


def _steps(folder: Path) -> Iterator[int]:
    """Give the images of each event; a file whose end is missing is read up to there."""
    for file in sorted(folder.glob(FILES)):
        for record in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(record)
            if event.HasField("summary"):
                yield event.step


def _tables(experiment: Mapping[str, Mapping[str, object]]) -> str:
    """Write sections as Markdown."""
    lines = []
    for section, keys in experiment.items():
        lines += ["", f"**[{section}]**", "", "| key | value |", "| --- | --- |"]
        lines += [f"| {key} | {_cell(value)} |" for key, value in keys.items() if value is not None]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
