"""What a network has learnt, read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from neatfool import ExperimentError, TargetError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

Tensors = dict[str, torch.Tensor]
_WITHIN: Final = ("state_dict", "model", "model_state_dict", "state_dict_ema")
"""Where training programs keep the weights among other things."""
_OF_PARALLEL: Final = "module."
"""What torch puts before each name where a network was trained on several GPUs."""
_SHOWN: Final = 3


def read_tensors(path: Path) -> Tensors:
    """Read a file of weights.

    Args:
        path: A safetensors file, or what ``torch.save`` made of a state dict; nothing in it is
            executed.

    Raises:
        ExperimentError: There is no such file, or it may not be read.
        TargetError: It is damaged, or holds something else.
    """
    try:
        with path.open("rb"):  # says why it cannot be read; others do not always
            pass
    except OSError as error:
        raise ExperimentError(
            f"[target] weights = {path}: {error.strerror}; give a safetensors file, or a state "
            "dict as torch.save writes it"
        ) from error
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise _damaged(path, "safetensors file", str(error)) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and advises to run what is in the file
        raise _damaged(path, "state dict, of tensors alone", type(error).__name__) from error
    return _state_dict(content, path)


def fit(module: nn.Module, tensors: Tensors, path: Path | str) -> None:
    """Give a network its weights: all of them, and no others.

    Args:
        module: The network; it is changed.
        tensors: The weights.
        path: What messages call the place that they come from.

    Raises:
        TargetError: They are another network's; the message names tensors.
    """
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    # Batches that batch normalisation has seen: counted by newer networks only, and for training.
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    faults = [
        f"tensor {name} is missing"
        if name not in found
        else f"tensor {name} has shape {list(found[name])}, expected {list(shape)}"
        for name, shape in expected.items()
        if found.get(name) != shape and not (name in optional and name not in found)
    ]
    faults += [f"there is a tensor {name}" for name in sorted(found) if name not in expected]
    if faults:
        more = f" (and {len(faults) - _SHOWN} more)" if len(faults) > _SHOWN else ""
        raise TargetError(
            f"{path}: the weights are not those of a {type(module).__name__} as it was asked for: "
            f"{'; '.join(faults[:_SHOWN])}{more}; give the weights of this very network, or "
            "another [target] model"
        )
    module.load_state_dict(tensors, strict=False)


def _state_dict(content: Any, path: Path) -> Tensors:
    if isinstance(content, Mapping):
        inner = next(
            (content[key] for key in _WITHIN if isinstance(content.get(key), Mapping)), None
        )
        content = content if inner is None else inner
    if not isinstance(content, Mapping) or not content or not _are_tensors(content):
        raise TargetError(
            f"[target] weights = {path}: holds {type(content).__name__}, not a state dict (tensors "
            "by their names); save one with torch.save(network.state_dict(), FILE)"
        )
    if all(name.startswith(_OF_PARALLEL) for name in content):
        return {name.removeprefix(_OF_PARALLEL): value for name, value in content.items()}
    return dict(content)


def _are_tensors(content: Mapping[Any, Any]) -> bool:
    return all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    )


def _damaged(path: Path, kind: str, cause: str) -> TargetError:
    return TargetError(
        f"{path}: no {kind} ({cause}); it is damaged, or something else: download, install or save "
        "it anew"
    )
