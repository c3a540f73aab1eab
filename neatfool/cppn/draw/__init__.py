"""Drawing: inputs, colours, the renderers for CPUs, GPUs and torch, and their gradients."""

from neatfool.machine import ignore_working_folder

ignore_working_folder()  # of which numba would read settings
