"""The devices to compute on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> torch.device:
    """Find the device to compute on.

    Args:
        name: ``auto`` (the GPU if there is one), or torch's name of a device: ``cpu``, ``cuda``,
            ``cuda:1`` …

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
        raise ExperimentError(f"device = {name}: torch finds no such GPU; give auto or cpu")
    return device


def pick_devices(names: str = "auto") -> list[torch.device]:
    """Find the devices to compute on at the same time, all of one kind.

    Args:
        names: ``auto`` (all GPUs, or the CPU if there is none), ``cuda`` (all GPUs), or torch's
            names with commas between: ``cuda:0, cuda:2``.

    Raises:
        ExperimentError: There is no such device, or the devices are of several kinds.
    """
    import torch

    devices = [pick_device(name.strip()) for name in names.split(",")]
    kinds = {device.type for device in devices}
    if len(kinds) > 1:
        raise ExperimentError(
            f"device = {names}: different kinds of devices give different scores; keep "
            f"{' or '.join(sorted(kinds))}"
        )
    if kinds == {"cuda"} and names in {"auto", "cuda"}:
        return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return devices
