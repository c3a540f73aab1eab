"""The renderer in machine code, for CPUs."""

from neatfool.library_settings import ignore_working_folder

ignore_working_folder()  # of which numba would read settings
