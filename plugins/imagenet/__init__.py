"""Target ``imagenet``: networks that were trained on ImageNet, alone or several together.

The modules: :mod:`.options` is what an experiment says of it, and a :mod:`.request` what it says of
one network. :mod:`.models` finds a network by its name, with :mod:`.efficientnet_lite`,
:mod:`.from_torchvision`, :mod:`.from_timm` and :mod:`.from_transformers` for where it comes from.
Networks in files, in :mod:`.from_onnx`, :mod:`.from_tflite`, :mod:`.from_openvino` and
:mod:`.from_torch_files`, have :mod:`.model_file` and :mod:`.file_input` in common;
:mod:`.onnx_gradients` and :mod:`.dequantising` are for the first. :mod:`.weights` is what a network
has learnt, and :mod:`.labels` what it calls its classes; :mod:`.classifier` and
:mod:`.preprocessing` are what they give. :mod:`.views` has the ten crops and the mean of several
answers, :mod:`.target` is what is fooled, and :mod:`.photographs` what it is checked on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl

from .options import Options

if TYPE_CHECKING:
    from .target import ImageNetTarget

__all__ = ["Options"]


def _target(options: Options) -> ImageNetTarget:
    from .target import ImageNetTarget

    return ImageNetTarget(options)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("imagenet", _target, options=Options)
