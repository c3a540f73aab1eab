"""Finding a network by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import ExperimentError, nearest

from .request import need

if TYPE_CHECKING:
    from .classifier import Classifier
    from .request import Request

EFFICIENTNET_LITE: Final = tuple(f"efficientnet-lite{size}" for size in (0, 1, 2))
_FORMS: Final = (
    "'torchvision:NAME', 'timm:NAME', 'timm:local-dir:FOLDER', 'onnx:FILE' and "
    + ", ".join(map(repr, EFFICIENTNET_LITE))
)


def check_name(model: str) -> None:
    """See that there can be a model of a name, as far as that can be told without loading it.

    Raises:
        ValueError: There is none; the message offers the nearest names.
    """
    kind, _, name = model.partition(":")
    if model in EFFICIENTNET_LITE or (kind in {"timm", "onnx"} and name):
        return
    if kind == "torchvision" and name:
        from .from_torchvision import find

        find(name)
        return
    if kind in {"torchvision", "timm", "onnx"}:
        raise ValueError(f"{model!r} names no model; there are {_FORMS}")
    raise ValueError(
        f"there is no model {model!r}{_did_you_mean(model) or f'; there are {_FORMS}'}"
    )


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
        ExperimentError: There is no such model or file, or what it needs is not installed.
        TargetError: Its weights do not fit it, are damaged, or cannot be had.
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
        if kind == "onnx":
            need(request.model, "onnxruntime", extra="onnx")
            from .from_onnx import load_onnx

            return load_onnx(name, request)
        from .efficientnet_lite import load_efficientnet_lite

        return load_efficientnet_lite(request)
    except ValueError as error:
        raise ExperimentError(f"[target] model = {request.model}: {error}") from error
