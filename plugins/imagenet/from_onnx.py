"""Networks in ONNX files, which onnxruntime runs."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime
import torch
from torch import nn

from neatfool import ExperimentError, TargetError

from .classifier import Classifier
from .preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN, Preprocessing, in_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .request import Request

_CROPPED: Final = 0.875
"""Most networks were trained to see this share of a photograph's shorter side."""
_SMALLEST: Final = 1e-45
"""A probability of zero counts as this, the smallest number of float32."""


def load_onnx(name: str, request: Request) -> Classifier:
    """Load a network from the file ``name``; ``request`` says what the file does not.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: The file is damaged, or is not a classifier of images.
        ValueError: The size is missing, or options do not fit the file.
    """
    path = Path(name).expanduser()
    if request.weights is not None:
        raise ValueError("an ONNX file contains its weights; leave 'weights' out")
    module = OnnxModule(path)
    channels = module.shape[1] or 3
    height, width = _size(module.shape, request.size)
    mean, std = (
        given or (ordinary if channels == 3 else (sum(ordinary) / 3,))
        for given, ordinary in ((request.mean, IMAGENET_MEAN), (request.std, IMAGENET_DEVIATION))
    )
    for key, numbers in (("mean", mean), ("std", std)):
        if len(numbers) not in (1, channels):
            raise ValueError(
                f"{key} has {len(numbers)} numbers for {channels} channels; give one each"
            )
    return Classifier(
        request.model,
        module,
        Preprocessing(
            height=height,
            width=width,
            larger=round(min(height, width) / _CROPPED),
            mean=in_bytes(mean),
            std=in_bytes(std),
            channels=channels,
        ),
        module.look(channels, height, width),
        None,
        f"{path}, by onnxruntime {onnxruntime.__version__}",
        content=hash_onnx(path),
    )


class OnnxModule(nn.Module):
    """An ONNX file as a torch module without gradients.

    Attributes:
        shape: Its input's (N, C, H, W), with None for any size.
    """

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        """Load a file, or a model that was made of it.

        Raises:
            ExperimentError: The file does not exist.
            TargetError: onnxruntime cannot read it, or it does not take images.
        """
        super().__init__()
        self.eval()
        self._path = path
        self._session = _open_session(path, content)
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or len(shape) != 4 or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise TargetError(
                f"{path}: takes {found}; export a classifier that takes only float [N, C, H, W]"
            )
        self._input = inputs[0].name
        self._probabilities = False
        self.shape: Sequence[int | None] = [n if isinstance(n, int) else None for n in shape]

    def __deepcopy__(self, _: Any) -> OnnxModule:
        """Give itself: onnxruntime's session serves any number of threads."""
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 [N, K] out."""
        traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        if traced:
            raise RuntimeError("onnxruntime cannot be traced")
        if images.requires_grad:
            raise TargetError(
                f"{self._path}: onnxruntime computes no gradients; for those, use the network from "
                "torchvision or timm"
            )
        pixels = np.ascontiguousarray(images.detach().float().cpu().numpy())
        step = self.shape[0] or len(pixels)
        answers = [
            self._run(pixels[start : start + step], step) for start in range(0, len(pixels), step)
        ]
        outputs = torch.from_numpy(np.concatenate(answers)).to(images.device)
        return outputs.clamp(min=_SMALLEST).log() if self._probabilities else outputs

    def look(self, channels: int, height: int, width: int) -> int:
        """Count the network's classes, and find out whether it gives probabilities or logits.

        Raises:
            TargetError: It fails on such images, or does not answer [N, K].
        """
        count = self.shape[0] or 2
        noise = np.random.default_rng(0).normal(size=(count, channels, height, width))
        answer = self._run(noise.astype(np.float32), count)
        if answer.ndim != 2 or answer.shape[1] < 2:
            raise TargetError(
                f"{self._path}: answers {list(answer.shape)} to {count} images; a classifier "
                "answers [images, classes]"
            )
        sums = answer.sum(1)
        self._probabilities = bool((answer >= 0).all() and np.allclose(sums, 1, atol=1e-3))
        return int(answer.shape[1])

    def _run(self, pixels: np.ndarray, step: int) -> np.ndarray:
        count = len(pixels)
        padded = np.concatenate([pixels, np.repeat(pixels[-1:], step - count, axis=0)])
        try:
            answer = np.asarray(self._session.run(None, {self._input: padded})[0], np.float32)
        except Exception as error:  # onnxruntime raises many kinds
            raise TargetError(
                f"{self._path}: onnxruntime failed on {'x'.join(map(str, padded.shape))}: {error}"
            ) from error
        return answer[:count]


def _open_session(path: Path, content: bytes | None) -> Any:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ExperimentError(f"[target] model = onnx:{path}: {error.strerror}") from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    # Threads that spin while they wait take time from breeding and rendering.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    found = [each for each in wanted if each in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(content or str(path), settings, providers=found)
    except Exception as error:  # onnxruntime raises many kinds
        raise TargetError(
            f"{path}: onnxruntime cannot load it ({error}); it is damaged, or not an ONNX model: "
            "export or download it again"
        ) from error


def _size(shape: Sequence[int | None], given: int | None) -> tuple[int, int]:
    height, width = shape[2] or given, shape[3] or given
    if height is None or width is None:
        raise ValueError("takes images of any size; choose one with [target] size = PIXELS")
    if given is not None and (height, width) != (given, given):
        raise ValueError(f"size = {given}: it takes images of {width}x{height}; leave 'size' out")
    return height, width


def hash_onnx(path: Path) -> str:
    """Hash the file, and the files next to it that hold weights."""
    digest = sha256(path.read_bytes())
    for beside in sorted(path.parent.glob(f"{path.name}[._]data")):
        digest.update(beside.read_bytes())
    return digest.hexdigest()
