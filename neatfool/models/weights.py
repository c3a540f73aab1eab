"""Reading a network's weights from a file."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from neatfool.errors import ExperimentError, TargetError

Tensors = dict[str, torch.Tensor]
_WITHIN: Final = ("state_dict", "model", "model_state_dict", "state_dict_ema")
"""Training programs keep the weights under one of these keys."""
_OF_PARALLEL: Final = "module."
"""torch prefixes each name with this when it trains on several GPUs."""
_SHOWN: Final = 300
"""Characters of what torch says does not fit."""


def read_tensors(path: Path) -> Tensors:
    """Read a safetensors file, or a state dict of ``torch.save``, without executing code.

    Raises:
        ExperimentError: The file does not exist, or may not be read.
        TargetError: The file is damaged, or holds something else.
    """
    try:
        with path.open("rb"):  # the error says why, unlike that of the readers
            pass
    except OSError as error:
        raise ExperimentError(
            f"[target] weights = {path}: {error.strerror}; give a safetensors file, or a state "
            "dict as torch.save writes it"
        ) from error
    safe = path.suffix == ".safetensors"
    try:
        if safe:
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and advises to run what is in the file
        kind = "safetensors file" if safe else "state dict of tensors only"
        why = str(error) if isinstance(error, SafetensorError) else type(error).__name__
        raise TargetError(
            f"{path}: not a {kind} ({why}); it is damaged, or something else: download, install or "
            "save it again"
        ) from error
    return _find_state_dict(content, path)


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
            f"{shorten(faults, _SHOWN, placeholder=' …')}; give this network's weights, or another "
            "[target] model"
        ) from error


def _find_state_dict(content: Any, path: Path) -> Tensors:
    if isinstance(content, Mapping):
        inner = (content[key] for key in _WITHIN if isinstance(content.get(key), Mapping))
        content = next(inner, content)
    if not (isinstance(content, Mapping) and content) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise TargetError(
            f"[target] weights = {path}: holds {type(content).__name__}, not a state dict (tensors "
            "by their names); save one with torch.save(network.state_dict(), FILE)"
        )
    if all(name.startswith(_OF_PARALLEL) for name in content):
        return {name.removeprefix(_OF_PARALLEL): value for name, value in content.items()}
    return dict(content)
