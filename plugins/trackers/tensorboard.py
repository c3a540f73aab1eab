"""The observer ``tensorboard``: event files in the run's folder, for TensorBoard.

``tensorboard --logdir runs`` shows the curves of all runs over the images scored, a contact sheet
of the elites, and the experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from neatfool import ExperimentError, Register, hookimpl
from neatfool.files import refuse_link

from .tracking import Tracker, figures_of

if TYPE_CHECKING:
    from neatfool import GenerationReport, Run

FOLDER: Final = "tensorboard"
SHEET: Final = "elites"
"""What the sheet of elites is called."""
FILES: Final = "events.out.tfevents.*"


class TensorBoardTracker(Tracker):
    """Writes a run's event files."""

    def __init__(self) -> None:
        """Import the package tensorboard, if it is installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ExperimentError(
                f"observer tensorboard: needs more packages ({error}); pip install "
                "'neatfool[tensorboard]'"
            ) from error
        self._make_writer = SummaryWriter

    def begin(self, run: Run) -> int:
        """Open an event file beside those that the run has already."""
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto.event_pb2 import Event

        folder = refuse_link(run.path / FOLDER)
        if run.generation < 0:
            for stale in folder.glob(FILES):  # of a run that this one took the folder of
                stale.unlink()
        known = self._shown = 0
        for file in sorted(folder.glob(FILES)):  # up to an end that is missing
            for record in RawEventFileLoader(str(file)).Load():
                event = Event.FromString(record)
                if event.HasField("summary"):
                    known = max(known, event.step)
                    if any(value.tag == SHEET for value in event.summary.value):
                        self._shown = event.step
        # An older copy of the database was put back: what lies ahead of it is hidden.
        purge = run.evaluations + 1 if known > run.evaluations else None
        self._writer = self._make_writer(str(folder), purge_step=purge)
        if not known:
            lines = []
            for section, keys in run.experiment.items():
                lines += ["", f"**[{section}]**", "", "| key | value |", "| --- | --- |"]
                for key, value in keys.items():
                    if value is not None:
                        cell = " ".join(str(value).split()).replace("|", "\\|")
                        lines.append(f"| {key} | {cell} |")
            self._writer.add_text("experiment", "\n".join(lines), 0)
            self._writer.flush()
        return known

    def tell(self, new: Sequence[GenerationReport]) -> None:
        """Write an event for each generation. It is there as a whole, or not at all."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        files: Any = self._writer.file_writer
        for report in new:
            figures = figures_of(report, self.spec).items()
            values = [Summary.Value(tag=tag, simple_value=figure) for tag, figure in figures]
            files.add_summary(Summary(value=values), report.evaluations)
        self._writer.flush()

    def show(self, sheet: Image.Image, images: int) -> None:
        """Write the sheet, unless it is there: a run was killed after its end, say."""
        if images > self._shown:
            self._writer.add_image(SHEET, np.asarray(sheet), images, dataformats="HWC")

    def end(self) -> None:
        """Close the file."""
        self._writer.close()


@hookimpl
def neatfool_register_observers(register: Register) -> None:
    """Offer the observer."""
    register("tensorboard", lambda _no_options: TensorBoardTracker())
