"""Networks in OpenVINO files, which OpenVINO runs on the CPU."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

import torch

from neatfool import PrefixedPath, TargetError, models

_TYPES: Final = {
    "f32": torch.float32,
    "f16": torch.float16,
    "f64": torch.float64,
    "u8": torch.uint8,
    "i8": torch.int8,
}


class OpenVino(models.ClassifierFormat):
    """Files that OpenVINO reads, such as its own."""

    forms = ("openvino:FILE",)
    path = PrefixedPath("openvino:")
    is_file = True

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        models.need("openvino", extra="openvino")
        if name.endswith(".onnx"):
            models.need("onnx", extra="onnx")
        return models.load_file(OpenVinoModule(Path(name).expanduser()), request)


@contextmanager
def _own_signal_stack() -> Iterator[None]:
    """Give this thread its stack for signals back; Ctrl-C would use one that OpenVINO freed."""
    library = ctypes.CDLL(None) if os.name == "posix" else None
    sigaltstack = getattr(library, "sigaltstack", lambda new, old: None)
    # Enough for what a system knows of a stack: where it is, how large, and how it is used.
    before = ctypes.create_string_buffer(64)
    sigaltstack(None, before)
    try:
        yield
    finally:
        sigaltstack(before, None)


class OpenVinoModule(models.FileModule):
    """An OpenVINO file, or another that OpenVINO reads, as a torch module without gradients."""

    def __init__(self, path: Path) -> None:
        # When it is imported, OpenVINO tells its makers so over the internet, unless this package
        # of it is missing. A target asks no machine that its user does not name.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        super().__init__(path)
        if path.suffix == ".onnx":
            from .onnx.weights import weight_files

            self.beside = weight_files(path, path.read_bytes())
        elif (weights := path.with_suffix(".bin")).exists():
            self.beside = [weights]
        self.by = f"OpenVINO {version('openvino')}"
        settings = {
            # Some processors would compute in half precision.
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        try:
            core = openvino.Core()
            with _own_signal_stack():
                model = core.read_model(str(path))
                self._compiled: Any = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            text = " ".join(str(error).split())
            raise TargetError(
                f"{path}: OpenVINO cannot load it ({text[-200:]}); it is damaged, its .bin file is "
                "not beside it, or it is no model: convert or download it again"
            ) from error
        inputs = self._compiled.inputs
        shape = inputs[0].partial_shape
        kind = inputs[0].element_type.get_type_name()
        if len(inputs) != 1 or shape.rank.is_dynamic or len(shape) != 4 or kind not in _TYPES:
            described = ", ".join(f"{each.element_type} {each.partial_shape}" for each in inputs)
            raise TargetError(f"{path}: takes {described}; convert one that takes only images")
        sizes = tuple(size.get_length() if size.is_static else None for size in shape)
        self.input = models.Input(sizes, _TYPES[kind])
        outputs = enumerate(self._compiled.outputs)
        self._outputs = [each.any_name if each.names else str(number) for number, each in outputs]

    def __deepcopy__(self, _: Any) -> Self:
        """Give itself: each call makes a request of its own, in any thread."""
        return self

    def answer(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute all outputs of a batch."""
        request = self._compiled.create_infer_request()
        answers = request.infer([images.detach().cpu().numpy()])
        names = enumerate(self._outputs)
        return {name: torch.from_numpy(answers[number].copy()) for number, name in names}


neatfool_register_models = OpenVino.register
