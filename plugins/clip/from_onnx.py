"""The image tower in an ONNX file, which onnxruntime runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnxruntime

from neatfool import ExperimentError

from ..imagenet.file_input import Layout
from ..imagenet.from_onnx import hash_onnx, open_onnx
from ..imagenet.preprocessing import Preprocessing, in_bytes
from ..imagenet.request import Request
from .tower import CLIP_DEVIATION, CLIP_MEAN, CLIP_TEMPERATURE, Tower

if TYPE_CHECKING:
    from .options import Options


def load_onnx(name: str, options: Options) -> Tower:
    """Load a tower from the file ``name``.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: The file is damaged, or takes or gives something else.
        ValueError: The size is missing, or options do not fit the file.
    """
    path = Path(name).expanduser()
    _check_exists(path)
    module = open_onnx(path, dequantise=options.dequantise)
    _, channels, height, width = module.input.shape
    if module.input.is_whole:
        raise ValueError("takes whole numbers; give a network that takes floats")
    height, width = height or options.size, width or options.size
    if channels not in (3, None) or height is None or width is None:
        raise ValueError(
            f"takes images of {channels or 3} channels and any size; choose a size with [target] "
            "size = PIXELS"
            if channels in (3, None)
            else f"takes images of {channels} channels; give a network of colour images"
        )
    if options.size not in (None, height):
        raise ValueError(f"size = {options.size}: it takes {width}x{height}; leave 'size' out")
    how = ", dynamically quantised: computed in floats" * options.dequantise
    how = ", dynamically quantised: computed image by image" if module.alone else how
    preprocessing = Preprocessing(
        height=height,
        width=width,
        larger=min(height, width),
        mean=in_bytes(options.mean or CLIP_MEAN),
        std=in_bytes(options.std or CLIP_DEVIATION),
        filter="bicubic",
    )
    # The first output has the vectors. They are not probabilities, whatever they look like.
    first = Request(options.images, output="0", outputs="logits")
    length, _ = module.settle(Layout(3, height, width, last=False), preprocessing, first)
    return Tower(
        name=options.images,
        module=module,
        preprocessing=preprocessing,
        width=length,
        temperature=CLIP_TEMPERATURE,
        read=None,
        differentiable=False,
        source=f"{path}, by onnxruntime {onnxruntime.__version__}{how}",
        content=f"{hash_onnx(path)} {options.dequantise}",
    )


def _check_exists(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ExperimentError(f"[target] images = onnx:{path}: {error.strerror}") from error
