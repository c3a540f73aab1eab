"""Where to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> torch.device:
    """Find where to compute.

    Args:
        name: ``auto`` (the GPU if there is one), or what torch calls a device: ``cpu``, ``cuda``,
            ``cuda:1`` …

    Returns:
        The device.

    Raises:
        ExperimentError: There is no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ExperimentError(f"device = {name}: torch knows no such device") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ExperimentError(f"device = {name}: torch finds no such GPU; say device = auto or cpu")
    return device
