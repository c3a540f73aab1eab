"""Networks in TFLite files, which LiteRT runs."""

from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import numpy as np
import torch

from neatfool import PrefixedPath, TargetError, models

_TYPES: Final = {
    "float32": torch.float32,
    "float16": torch.float16,
    "uint8": torch.uint8,
    "int8": torch.int8,
}


class Tflite(models.ClassifierFormat):
    """TFLite files. They do not say how images are scaled."""

    forms = ("tflite:FILE",)
    path = PrefixedPath("tflite:")
    endings = (".tflite",)

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        models.need("ai_edge_litert", extra="tflite")
        return models.load_file(TfliteModule(Path(name).expanduser()), request, must_scale=True)


class TfliteModule(models.FileModule):
    """A TFLite file as a torch module without gradients."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        super().__init__(path)
        self.by = f"LiteRT {version('ai-edge-litert')}"
        with models.reading(f"{path}: LiteRT cannot load it", "convert it again"):
            self._interpreter = Interpreter(str(path), num_threads=torch.get_num_threads())
            inputs = self._interpreter.get_input_details()
        # A size that may change is -1, and 1 in "shape".
        shapes = [[*map(int, each.get("shape_signature", each["shape"]))] for each in inputs]
        kind = np.dtype(inputs[0]["dtype"]).name
        if len(inputs) != 1 or len(shapes[0]) != 4 or kind not in _TYPES:
            described = ", ".join(f"{e['name']} {s}" for e, s in zip(inputs, shapes, strict=True))
            raise TargetError(f"{path}: takes {kind} {described}; convert one of images only")
        batch, *sizes = (size if size > 0 else None for size in shapes[0])
        scale, zero = inputs[0]["quantization"]
        # Many graphs reshape to a batch of one, even if they say that they take any.
        self.input = models.Input(
            (batch or 1, *sizes), _TYPES[kind], float(scale) or None, int(zero)
        )
        self.remark = ", quantised" if scale else ""
        self._index = inputs[0]["index"]
        self._outputs = self._interpreter.get_output_details()
        self.rounded = frozenset(
            each["name"]
            for each in self._outputs
            if np.issubdtype(each["dtype"], np.integer)
            and np.isclose(each["quantization"][0], 1 / 256)  # as of each quantised softmax
            and each["quantization"][1] == np.iinfo(each["dtype"]).min
        )
        self._shape: tuple[int, ...] | None = None
        self._running = Lock()

    def __deepcopy__(self, _: Any) -> Self:
        """Give itself: threads wait for each other."""
        return self

    def answer(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute all outputs of a batch."""
        with self._running:
            if self._shape != images.shape:
                self._interpreter.resize_tensor_input(self._index, [*images.shape])
                self._interpreter.allocate_tensors()
                self._shape = tuple(images.shape)
            self._interpreter.set_tensor(self._index, images.detach().cpu().numpy())
            self._interpreter.invoke()
            answers = {}
            for each in self._outputs:
                # A copy, which the next call leaves alone.
                numbers = self._interpreter.get_tensor(each["index"]).astype(np.float32)
                scale, zero = each["quantization"]
                numbers = (numbers - zero) * np.float32(scale) if scale else numbers
                answers[each["name"]] = torch.from_numpy(numbers)
            return answers


neatfool_register_models = Tflite.register
