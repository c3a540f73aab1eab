"""Finding the network that looks at images by its name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from neatfool import ExperimentError

if TYPE_CHECKING:
    from .options import Options
    from .tower import Tower

_PACKAGES = {"open_clip": "open_clip_torch", "onnx": "onnxruntime"}


def load(options: Options) -> Tower:
    """Load the network that ``images`` names.

    Raises:
        ExperimentError: It or a file does not exist, or a package is not installed.
        TargetError: Its weights are damaged, or not available.
    """
    kind, _, name = options.images.partition(":")
    needed = ["onnxruntime", *["onnx"] * options.dequantise] if kind == "onnx" else [kind]
    for module in needed:
        if find_spec(module) is None:
            raise ExperimentError(
                f"[target] images = {options.images}: needs the package "
                f"{_PACKAGES.get(module, module).replace('_', '-')}, which is not installed; pip "
                "install 'neatfool[clip]'"
            )
    try:
        if kind == "onnx":
            from .from_onnx import load_onnx

            return load_onnx(name, options)
        if kind == "open_clip":
            from .from_open_clip import load_open_clip

            return load_open_clip(name, options)
        from .from_transformers import load_transformers

        return load_transformers(name, options)
    except ValueError as error:
        raise ExperimentError(f"[target] images = {options.images}: {error}") from error
