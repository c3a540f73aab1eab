"""``python -m neatfool``: the command line."""

from neatfool.cli import main

if __name__ == "__main__":
    main(prog_name="neatfool")
