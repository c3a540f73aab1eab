"""The command line, as ``neatfool`` and as ``python -m neatfool``."""

import gc
import os
import signal
import sys
from types import FrameType
from typing import Final

from neatfool.machine import tune_process

HANG_UP: Final = getattr(signal, "SIGHUP", None)
"""The signal that a terminal sends when it is closed; Windows has none."""


def main() -> None:
    """Run the command line; Ctrl-C while it is imported is a message, too."""
    if HANG_UP and signal.getsignal(HANG_UP) is signal.SIG_DFL:  # `nohup` ignores it
        signal.signal(HANG_UP, _end_as_ctrl_c_does)
    tune_process()
    try:
        from neatfool.cli import main as run

        run(prog_name="neatfool")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    finally:
        # What Python does at its end has nothing to tell: Ctrl-C ends it at once, and no search for
        # cycles, in all objects of torch, delays it.
        gc.freeze()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if HANG_UP:
            signal.signal(HANG_UP, signal.SIG_IGN)


def _end_as_ctrl_c_does(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does, once: a shell passes a hang-up on, and the system does as well."""
    signal.signal(number, signal.SIG_IGN)
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError:  # its terminal is gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    press = signal.getsignal(signal.SIGINT)
    if not callable(press):
        raise KeyboardInterrupt
    press(signal.SIGINT, frame)


if __name__ == "__main__":
    main()
