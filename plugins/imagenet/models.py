"""Finding a network by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import ExperimentError, nearest

from .request import FILES, need

if TYPE_CHECKING:
    from .classifier import Classifier
    from .request import Request

EFFICIENTNET_LITE: Final = tuple(f"efficientnet-lite{size}" for size in (0, 1, 2))
_FORMS: Final = (
    "'torchvision:NAME', 'timm:NAME', 'timm:local-dir:FOLDER', 'transformers:NAME', "
    "'transformers:FOLDER', "
    + "".join(f"'{kind}:FILE', " for kind in FILES)
    + "or "
    + ", ".join(map(repr, EFFICIENTNET_LITE))
)
_KINDS: Final = {"timm", "transformers", *FILES}


def check_name(model: str) -> None:
    """Check a model's name as far as possible without loading it.

    Raises:
        ValueError: No model can have this name; the message offers similar ones.
    """
    kind, _, name = model.partition(":")
    if model in EFFICIENTNET_LITE or (kind in _KINDS and name):
        return
    if kind == "torchvision" and name:
        from .from_torchvision import find

        find(name)
        return
    if kind in {"torchvision", *_KINDS}:
        raise ValueError(f"{model!r} is not a model; use {_FORMS}")
    raise ValueError(f"unknown model {model!r}{_did_you_mean(model) or f'; use {_FORMS}'}")


def _did_you_mean(model: str) -> str:
    from .from_torchvision import names

    known = [*EFFICIENTNET_LITE, *(f"torchvision:{name}" for name in names())]
    if f"torchvision:{model}" in known:
        return f"; did you mean 'torchvision:{model}' or 'timm:{model}'?"
    guess = nearest(model, known)
    return guess if "did you mean" in guess else ""


def load(request: Request) -> Classifier:
    """Load a network.

    Raises:
        ExperimentError: The model or a file does not exist, or a package is not installed.
        TargetError: The weights do not fit, are damaged, or are not available.
    """
    kind, _, name = request.model.partition(":")
    try:
        if kind == "torchvision":
            from .from_torchvision import load_torchvision

            return load_torchvision(name, request)
        if kind == "timm":
            need(request.model, "timm", extra="timm")
            from .from_timm import load_timm

            return load_timm(name, request)
        if kind == "transformers":
            need(request.model, "transformers", extra="transformers")
            from .from_transformers import load_transformers

            return load_transformers(name, request)
        if kind in FILES:
            return _load_file(kind, name, request)
        from .efficientnet_lite import load_efficientnet_lite

        return load_efficientnet_lite(request)
    except ValueError as error:
        raise ExperimentError(f"[target] model = {request.model}: {error}") from error


def _load_file(kind: str, name: str, request: Request) -> Classifier:
    if kind == "onnx":
        for module in ["onnxruntime", *["onnx"] * request.dequantise]:
            need(request.model, module, extra="onnx")
        if request.gradients:
            need(request.model, "onnx2torch", extra="onnx-gradients")
        from .from_onnx import load_onnx

        return load_onnx(name, request)
    if kind == "tflite":
        need(request.model, "ai_edge_litert", extra="tflite")
        from .from_tflite import load_tflite

        return load_tflite(name, request)
    if kind == "openvino":
        need(request.model, "openvino", extra="openvino")
        from .from_openvino import load_openvino

        return load_openvino(name, request)
    from .from_torch_files import load_exported, load_torchscript

    return (load_exported if kind == "export" else load_torchscript)(name, request)
