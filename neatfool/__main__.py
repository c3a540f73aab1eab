"""``python -m neatfool``: the command line."""

from __future__ import annotations

from neatfool.cli import main

if __name__ == "__main__":
    main(prog_name="neatfool")
