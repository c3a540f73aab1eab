"""Networks in ONNX files, which onnxruntime runs.

:mod:`.gradients` copies a graph for torch to differentiate.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, Final

import torch

from neatfool import PrefixedPath, TargetError, models

CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
"""The mean of red, green and blue in [0, 1] that CLIP was trained with."""
CLIP_DEVIATION: Final = (0.26862954, 0.26130258, 0.27577711)
"""The standard deviation."""
_TYPES: Final = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
}
SECONDS_TO_ANSWER: Final = 60.0
"""How long a graph with a loop may compute a batch: it may be one that never ends."""
SECONDS_TO_END: Final = 2.0
"""How long is waited for a graph that was told to end; one whose loop is empty does not."""


class Onnx(models.ClassifierFormat, models.TowerFormat):
    """ONNX files."""

    forms = ("onnx:FILE",)
    path = PrefixedPath("onnx:")
    endings = (".onnx",)

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        module = _open(name)
        classifier = models.load_file(module, request)
        if not request.gradients:
            return classifier
        models.need("onnx2torch", extra="onnx-gradients")
        from .gradients import torch_copy

        copy = torch_copy(module, classifier.preprocessing)
        return replace(classifier, copy=copy, found=f"{classifier.found}; gradients by {copy.by}")

    def tower(self, name: str, request: models.Request) -> models.Tower:
        """Load the file ``name``, which gives vectors; what ``request`` leaves out is as CLIP's."""
        module = _open(name)
        layout = models.layouts_of(module.path, module.input, request.size)[0]
        if layout.channels != 3 or layout.last or module.input.is_whole:
            raise ValueError("give a network of colour images: float [N, 3, height, width] in")
        height, width = layout.height, layout.width
        mean = models.in_bytes(request.mean or CLIP_MEAN)
        std = models.in_bytes(request.std or CLIP_DEVIATION)
        side = min(height, width)
        preprocessing = models.Preprocessing(height, width, side, mean, std, "bicubic")
        # The first output has the vectors. They are not probabilities, whatever they look like.
        first = models.Request(request.model, output="0", outputs="logits")
        length, _ = module.settle(layout, preprocessing, first)
        quantised = ", dynamically quantised: computed image by image" if module.alone else ""
        return models.Tower(
            name=request.model,
            module=module,
            preprocessing=preprocessing,
            width=length,
            temperature=0.01,
            read=None,
            differentiable=False,
            source=f"{module.path}, by {module.by}{quantised}",
            content=module.digest(),
        )


def _open(name: str) -> OnnxModule:
    """Open a file as a torch module."""
    models.need("onnxruntime", extra="onnx")
    models.need("onnx", extra="onnx")
    return OnnxModule(Path(name).expanduser())


class OnnxModule(models.FileModule):
    """An ONNX file as a torch module without gradients."""

    def __init__(self, path: Path) -> None:
        """Load a file."""
        import onnxruntime

        super().__init__(path)
        file = path.read_bytes()
        self.beside = weight_files(path, file)
        self.by = f"onnxruntime {version('onnxruntime')}"
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        # Threads that spin while they wait take time from breeding and rendering.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        providers = [each for each in wanted if each in onnxruntime.get_available_providers()]
        with models.reading(f"{path}: onnxruntime cannot load it", "export it again"):
            self._session: Any = onnxruntime.InferenceSession(
                str(path), settings, providers=providers
            )
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in _TYPES:
            described = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise TargetError(f"{path}: takes {described}; export one that takes only images")
        self._input = inputs[0].name
        self._outputs = [each.name for each in self._session.get_outputs()]
        sizes = tuple(size if isinstance(size, int) else None for size in shape)
        self.input = models.Input(sizes, _TYPES[inputs[0].type])
        # Operations of such names round by the range of a whole batch.
        self.alone = b"DynamicQuantize" in file
        if self.alone:
            self.remark = " (the graph quantises dynamically: it rounds by the whole batch)"
        self._loops = b"Loop" in file

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
        run = self._run_in_time if self._loops else self._session.run
        answers = map(torch.from_numpy, run(None, given))
        return dict(zip(self._outputs, answers, strict=True))

    def _run_in_time(self, outputs: None, given: dict[str, Any]) -> Any:
        """Run the session in a thread that may stay behind, and give up if it takes too long."""
        import onnxruntime

        options, future = onnxruntime.RunOptions(), Future[Any]()

        def work() -> None:
            try:
                future.set_result(self._session.run(outputs, given, options))
            except Exception as error:
                future.set_exception(error)

        thread = Thread(target=work, name="neatfool-onnx", daemon=True)
        thread.start()
        try:
            return future.result(SECONDS_TO_ANSWER)
        except TimeoutError:
            raise TargetError(
                f"{self.path}: has a loop, and gave no answer to a batch in "
                f"{SECONDS_TO_ANSWER:.0f} s; if the loop ends, set a smaller [target] batch_size"
            ) from None
        finally:
            options.terminate = True  # A body without operations goes on all the same.
            # Ended while Python ends, it would abort the process.
            thread.join(SECONDS_TO_END)


def weight_files(path: Path, content: bytes) -> list[Path]:
    """List the files that a graph names, wherever in it a tensor is; ``content`` is its own file.

    Raises:
        TargetError: onnx cannot read the graph, or it names what is no ordinary file of its folder.
    """
    import onnx

    with models.reading(f"{path}: onnx cannot read it", "export it again"):
        tensors = [*_tensors(onnx.load_from_string(content))]
    external = [each for each in tensors if each.data_location == onnx.TensorProto.EXTERNAL]
    entries = [entry for each in external for entry in each.external_data]
    names = {entry.value for entry in entries if entry.key == "location"}
    folder = path.parent.resolve()
    for name in sorted(names):
        # As a link leads elsewhere, what it leads to may be exchanged without a trace.
        file = folder / name
        if Path(name).is_absolute() or "\0" in name or file.resolve() != file or not file.is_file():
            raise TargetError(
                f"{path}: keeps weights in {name!r}, which is no ordinary file in its folder or "
                "below; put the file itself there, no link, or export the network into one file"
            )
    return [path.parent / name for name in sorted(names)]


def _tensors(message: Any) -> Iterator[Any]:
    """Find all tensors: of the graph, graphs within it, functions, attributes, sparse ones."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors(each)


neatfool_register_models = Onnx.register
