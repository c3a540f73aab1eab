"""The renderer in machine code, for CPUs."""
