"""The image tower in an ONNX file, which onnxruntime runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnxruntime

from neatfool import ExperimentError

from ..imagenet.from_onnx import OnnxModule, hash_onnx
from ..imagenet.preprocessing import Preprocessing, in_bytes
from .tower import CLIP_DEVIATION, CLIP_MEAN, CLIP_TEMPERATURE, Tower

if TYPE_CHECKING:
    from .options import Options

DYNAMIC: Final = b"DynamicQuantize"
"""How the operations are called that round by the range of a whole batch."""


def load_onnx(name: str, options: Options) -> Tower:
    """Load a tower from the file ``name``.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: The file is damaged, or takes or gives something else.
        ValueError: The size is missing, or options do not fit the file.
    """
    path = Path(name).expanduser()
    dynamic = _is_dynamic(path)
    floats = dynamic and options.dequantise
    if options.dequantise and not dynamic:
        raise ValueError("its graph is not dynamically quantised; leave 'dequantise' out")
    if floats:
        from ..imagenet.dequantising import dequantise

        module = OnnxModule(path, dequantise(path))
    else:
        module = OnnxModule(path)
    _, channels, height, width = module.shape
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
    if dynamic and not floats:
        module.shape = (1, channels, height, width)  # one image a call
    how = ""
    if dynamic:
        how = ", dynamically quantised: " + (
            "computed in floats" if floats else "computed image by image"
        )
    return Tower(
        name=options.images,
        module=module,
        preprocessing=Preprocessing(
            height=height,
            width=width,
            larger=min(height, width),
            mean=in_bytes(options.mean or CLIP_MEAN),
            std=in_bytes(options.std or CLIP_DEVIATION),
            filter="bicubic",
        ),
        width=module.look(3, height, width),
        temperature=CLIP_TEMPERATURE,
        read=None,
        differentiable=False,
        source=f"{path}, by onnxruntime {onnxruntime.__version__}{how}",
        content=f"{hash_onnx(path)} {floats}",
    )


def _is_dynamic(path: Path) -> bool:
    try:
        return DYNAMIC in path.read_bytes()
    except OSError as error:
        raise ExperimentError(f"[target] images = onnx:{path}: {error.strerror}") from error
