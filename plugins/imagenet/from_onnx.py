"""Networks in ONNX files, which onnxruntime runs."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnxruntime
import torch

from neatfool import TargetError

from .file_input import Input
from .model_file import FileModule, check_exists, load_file

if TYPE_CHECKING:
    from .classifier import Classifier
    from .request import Request

_TYPES: Final = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
}
_ROUNDS_BY_BATCH: Final = b"DynamicQuantize"
"""Operations whose name begins like this round by the range of a whole batch."""


def load_onnx(name: str, request: Request) -> Classifier:
    """Load a network from the file ``name``; ``request`` says what the file does not.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: The file is damaged, or is not a classifier of images.
        ValueError: Something is missing, or options do not fit the file.
    """
    path = Path(name).expanduser()
    module = open_onnx(path, dequantise=request.dequantise)
    classifier = load_file(module, request)
    if not request.gradients:
        return classifier
    from .onnx_gradients import differentiable_copy

    copy = differentiable_copy(module, classifier.preprocessing, in_floats=request.dequantise)
    return replace(classifier, copy=copy, found=f"{classifier.found}; gradients by {copy.by}")


def open_onnx(path: Path, *, dequantise: bool) -> OnnxModule:
    """Open a file as a torch module.

    Args:
        path: The file.
        dequantise: Whether to compute it in floats. If not, a graph that rounds by the range of a
            whole batch is computed image by image.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: It cannot be read, does not take images, or is quantised in another way.
        ValueError: It is to be computed in floats, and is not dynamically quantised.
    """
    module = OnnxModule(path)
    if not dequantise:
        return module
    if not module.alone:
        raise ValueError("its graph is not dynamically quantised; leave 'dequantise' out")
    from .dequantising import dequantise as in_floats

    return OnnxModule(path, in_floats(path))


class OnnxModule(FileModule):
    """An ONNX file as a torch module without gradients."""

    by = f"onnxruntime {onnxruntime.__version__}"

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        """Load a file, or a model in floats that was made of it.

        Raises:
            ExperimentError: The file does not exist.
            TargetError: onnxruntime cannot read it, or it does not take images.
        """
        super().__init__(path)
        self._session = _open_session(path, content)
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in _TYPES:
            found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise TargetError(
                f"{path}: takes {found}; export a classifier that takes only images, floats or "
                "uint8, [N, C, H, W] or [N, H, W, C]"
            )
        self._input = inputs[0].name
        self._outputs = [each.name for each in self._session.get_outputs()]
        sizes = tuple(size if isinstance(size, int) else None for size in shape)
        self.input = Input(sizes, _TYPES[inputs[0].type])
        self.alone = _ROUNDS_BY_BATCH in (content or path.read_bytes())
        self._in_floats = content is not None

    def __deepcopy__(self, _: Any) -> OnnxModule:
        """Give itself: onnxruntime's session serves any number of threads."""
        return self

    @property
    def no_gradients(self) -> str:
        """Say how to get gradients."""
        return f"{self.by} computes none; set [target] gradients = yes"

    def answer(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute all outputs of a batch."""
        given = {self._input: images.detach().cpu().numpy()}
        answers = self._session.run(None, given)
        return {
            name: torch.from_numpy(answer)
            for name, answer in zip(self._outputs, answers, strict=True)
        }

    def digest(self) -> str:
        """Hash the file, and the files next to it that hold weights."""
        return hash_onnx(self.path) + " in floats" * self._in_floats

    def _describe_input(self) -> str:
        why = " (the graph quantises dynamically: it rounds by the whole batch)" * self.alone
        why += ", computed in floats (the graph quantises dynamically)" * self._in_floats
        return super()._describe_input() + why


def _open_session(path: Path, content: bytes | None) -> Any:
    check_exists(path, f"onnx:{path}")
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


def hash_onnx(path: Path) -> str:
    """Hash the file, and the files next to it that hold weights."""
    digest = sha256(path.read_bytes())
    for beside in sorted(path.parent.glob(f"{path.name}[._]data")):
        digest.update(beside.read_bytes())
    return digest.hexdigest()
