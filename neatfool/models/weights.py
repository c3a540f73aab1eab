"""Weights in files, without a network."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors.torch
import torch
from torch import nn

from neatfool.errors import ExperimentError, TargetError

Tensors = dict[str, torch.Tensor]


def read_tensors(path: Path) -> Tensors:
    """Read a safetensors file, or a state dict of ``torch.save``, without executing code.

    Raises:
        ExperimentError: The file does not exist, or may not be read.
        TargetError: The file is damaged, or holds something else.
    """
    try:
        with path.open("rb") as file:
            # It begins with a length of eight bytes, and JSON.
            safe = file.read(9)[8:] == b"{" or path.suffix == ".safetensors"
    except OSError as error:
        raise ExperimentError(
            f"[target] weights = {path}: {error.strerror}; give safetensors, or a state dict"
        ) from error
    try:
        if safe:
            return safetensors.torch.load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and advises to run what is in the file
        kind = "safetensors file" if safe else "state dict of tensors only"
        why = str(error) if isinstance(error, safetensors.SafetensorError) else type(error).__name__
        raise TargetError(
            f"{path}: not a {kind} ({why}); it is damaged, or something else: get it again"
        ) from error
    # Training programs keep the weights under one of these keys.
    for key in ("state_dict", "model", "model_state_dict", "state_dict_ema"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not (isinstance(content, Mapping) and content) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise TargetError(
            f"[target] weights = {path}: holds {type(content).__name__}, not a state dict (tensors "
            "by their names); save one with torch.save(network.state_dict(), FILE)"
        )
    # torch prefixes each name with this when it trains on several GPUs.
    parallel = all(name.startswith("module.") for name in content)
    return {name.removeprefix("module.") if parallel else name: content[name] for name in content}


def fit_weights(module: nn.Module, tensors: Tensors, path: Path | str) -> None:
    """Load weights into a network; ``path`` is their name in messages.

    Raises:
        TargetError: A tensor is missing, superfluous, or has another shape.
    """
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        faults = " ".join(str(error).partition(":")[2].split())
        raise TargetError(
            f"{path}: the weights do not fit this {type(module).__name__}: "
            f"{shorten(faults, 300, placeholder=' …')}; give this network's weights, or another "
            "[target] model"
        ) from error
