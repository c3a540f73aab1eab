"""The command line, as ``neatfool`` and as ``python -m neatfool``."""

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is imported is a message, too."""
    try:
        from neatfool.cli import main as run

        run(prog_name="neatfool")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    finally:
        # What Python does at its end has nothing to tell: Ctrl-C ends it at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
