"""Networks of Keras' layers, which Keras itself computes with PyTorch.

A file is somebody else's, and Keras can be told by one to import and to call things. So it gets a
description of known layers only, without functions, and the weights apart from it.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from neatfool import TargetError, models

_MODELS: Final = {"Model", "Functional", "Sequential"}
_LAYERS: Final = frozenset(
    {
        *("Activation", "ActivityRegularization", "Add", "Average", "AveragePooling2D"),
        *("BatchNormalization", "CenterCrop", "Concatenate", "Conv2D", "Dense"),
        *("DepthwiseConv2D", "Dot", "Dropout", "ELU", "Flatten", "GaussianDropout"),
        *("GaussianNoise", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "GroupNormalization"),
        *("InputLayer", "LayerNormalization", "LeakyReLU", "MaxPooling2D", "Maximum", "Minimum"),
        *("MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "ReLU"),
        *("Rescaling", "Reshape", "Resizing", "SeparableConv2D", "Softmax", "SpatialDropout2D"),
        *("Subtract", "UpSampling2D", "ZeroPadding2D"),
    }
)
_FUNCTIONS: Final = frozenset(
    {
        *("elu", "exponential", "gelu", "hard_sigmoid", "hard_swish", "leaky_relu", "linear"),
        *("log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax"),
        *("softplus", "softsign", "swish", "tanh"),
    }
)
_LEFT_OUT: Final = ("_initializer", "_regularizer", "_constraint")
"""What only training needs."""


class LayersModule(models.FileModule):
    """A network of Keras as a torch module, with gradients."""

    no_gradients = None
    traceable = True

    def __init__(self, path: Path, description: Any) -> None:
        """Make a network of the description of its layers, without its weights.

        Raises:
            TargetError: The description is damaged, or has layers that are not known.
        """
        super().__init__(path)
        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras

        if keras.backend.backend() != "torch":
            raise TargetError(
                f"{path}: Keras computes with {keras.backend.backend()} here; set KERAS_BACKEND to "
                "torch before you start"
            )
        self.by = f"Keras {version('keras')} with torch {torch.__version__}"
        with models.reading(f"{path}: Keras cannot make its layers", "save it again"):
            text = json.dumps(_checked(description))
            self.program: Any = keras.models.model_from_json(text)
            shapes = self.program.input_shape
        self.program.trainable = False
        if not isinstance(shapes, tuple) or len(shapes) != 4:
            raise TargetError(f"{path}: takes {shapes}; save one that takes only images")
        self.input = models.Input(shapes)

    def answer(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute all outputs of a batch."""
        answers = self.program(images, training=False)
        if isinstance(answers, Mapping):
            return dict(answers)
        return dict(zip(self.program.output_names, _listed(answers), strict=True))


def open_keras(path: Path) -> LayersModule:
    """Open a file that Keras wrote: a ``.keras`` archive, or HDF5.

    Raises:
        TargetError: The file is damaged, or has layers that are not known.
        ValueError: There is no such file.
    """
    if not path.is_file():
        raise ValueError("there is no such file; give the path of a model that Keras saved")
    with models.reading(f"{path}: cannot be read as a model of Keras", "save it again"):
        module = LayersModule(path, json.loads(_description(path)))
        with path.open("rb") as file:
            is_archive = zipfile.is_zipfile(file)
        suffix = ".keras" if is_archive else ".h5"
        if path.suffix != suffix:
            raise ValueError(f"is not called {suffix}")
        module.program.load_weights(path)
    return module


def set_weights(program: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Give a network the weights of its layers, named ``LAYER/WEIGHT``."""
    for layer in program.layers:
        if hasattr(layer, "layers"):
            set_weights(layer, weights)
            continue
        for weight in layer.weights:
            name = f"{layer.name}/{weight.name}"
            # Older versions of Keras call the filters of this layer so.
            older = f"{layer.name}/depthwise_{weight.name}"
            weight.assign(weights[older if older in weights else name])


def _description(path: Path) -> str | bytes:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    import h5py

    with h5py.File(path, "r") as file:
        text: str | bytes = file.attrs["model_config"]
        return text


def _checked(given: Any) -> Any:
    """Check that a description has known layers and functions only; older ones become new."""
    if isinstance(given, list):
        return [_checked(each) for each in given]
    if not isinstance(given, dict) or given.get("class_name") == "__keras_tensor__":
        return given
    if "class_name" in given and "config" in given:
        return _checked_object(given)
    return {key: _checked(each) for key, each in given.items() if not key.endswith(_LEFT_OUT)}


def _checked_object(given: dict[str, Any]) -> Any:
    """Check a layer, a function or a type."""
    kind, settings = given["class_name"], given["config"]
    if kind == "DTypePolicy":
        return "float32"
    if kind == "function" and settings in _FUNCTIONS:
        return settings
    if kind not in _LAYERS | _MODELS:
        raise ValueError(f"the layer {settings if kind == 'function' else kind} is not known")
    known = {
        "class_name": "Model" if kind == "Functional" else kind,
        "module": "keras" if kind in _MODELS else "keras.layers",
        "registered_name": None,
    }
    rest = {key: _checked(each) for key, each in given.items() if key not in known}
    return known | rest


def _listed(answers: Any) -> list[torch.Tensor]:
    return [*answers] if isinstance(answers, list | tuple) else [answers]
