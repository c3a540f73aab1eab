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


def pick_devices(names: str = "auto") -> list[torch.device]:
    """Find where to compute side by side.

    Args:
        names: ``auto`` (all GPUs, or the CPU if there is none), ``cuda`` (all GPUs), or devices as
            torch calls them, with commas between: ``cuda:0, cuda:2``.

    Returns:
        The devices, all of one kind.

    Raises:
        ExperimentError: There is no such device, or they are of several kinds.
    """
    import torch

    devices = [pick_device(name.strip()) for name in names.split(",")]
    kinds = {device.type for device in devices}
    if len(kinds) > 1:
        raise ExperimentError(
            f"device = {names}: scores of one kind of device are not those of another; keep "
            f"{' or '.join(sorted(kinds))}"
        )
    if kinds == {"cuda"} and names in {"auto", "cuda"}:
        return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return devices
