"""Kinds of models, what reads a model by its name, what that is asked and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

from neatfool.config.annotations import PrefixedPath
from neatfool.errors import ExperimentError, PluginError, TargetError
from neatfool.plugin.hookspecs import Register, hookimpl
from neatfool.plugin.manager import PluginManager
from neatfool.spec import image_spec
from neatfool.wording import listed

if TYPE_CHECKING:
    import torch
    from torch import nn

    from neatfool.models.preprocessing import Preprocessing

Outputs: TypeAlias = image_spec.Outputs


@dataclass(frozen=True)
class Request:
    """A model's name, and what replaces or completes what it says of itself.

    Attributes:
        model: Its whole name, as an experiment writes it.
        weights: A file of weights to use in place of its own.
        size: The side of its images, if the model does not say.
        mean: What to subtract from images in [0, 1], if the model does not say.
        std: What to divide by after that.
        output: The name or number of the output that answers, if a file has several.
        outputs: ``"logits"``, ``"probabilities"`` or ``"multi_label"``, if the numbers do not tell.
        gradients: Whether to compute gradients through a copy in PyTorch, if it has none.
        key: The option that names it, for messages.
    """

    model: str
    weights: Path | None = None
    size: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    output: str | None = None
    outputs: Outputs | None = None
    gradients: bool = False
    key: str = "model"

    @property
    def name(self) -> str:
        """What follows the colon of the model's name."""
        return self.model.partition(":")[2]


@dataclass(frozen=True)
class Classifier:
    """A network with its preprocessing and labels.

    Attributes:
        name: The experiment's name for it.
        module: In evaluation mode: floats [N, C, H, W] in, ``outputs`` [N, K] out.
        count: The number K of its classes.
        labels: K class names; None if the network has none.
        source: Where its weights come from.
        content: A hash of its file, if its tensors do not hold the weights.
        found: What was found out about its file, in one line.
        copy: The same for torch to differentiate, if another library computes ``module``.
        outputs: What the module gives; None if that is to be found out.
        no_gradients: Why the module has no gradients, and what to do; None if it has.
        traceable: Whether torch can trace the module.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    count: int
    labels: tuple[str, ...] | None
    source: str
    content: str | None = None
    found: str | None = None
    copy: nn.Module | None = None
    outputs: Outputs | None = None
    no_gradients: str | None = None
    traceable: bool = True

    @property
    def differentiable(self) -> nn.Module | None:
        """What torch can differentiate; None if nothing can be."""
        return self.copy if self.no_gradients else self.module

    def digest(self) -> bytes:
        """Hash the weights by the tensors' names, and the preprocessing."""
        about = repr((type(self.module).__name__, self.preprocessing)) + (self.content or "")
        return bytes.fromhex(hash_weights(self.module, about))


@dataclass(frozen=True)
class Tower:
    """A network that looks at images, and perhaps its sister that reads texts.

    Attributes:
        name: The experiment's name for it.
        module: In evaluation mode: floats [N, C, H, W] in, vectors [N, D] out, of any length.
        width: The number D.
        temperature: What it was trained to divide similarities by.
        read: Gives the vectors [T, D] of T texts; None if it cannot read.
        differentiable: Whether torch can differentiate it.
        source: Where its weights come from.
        content: A hash of the weights.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    width: int
    temperature: float
    read: Callable[[Sequence[str]], torch.Tensor] | None
    differentiable: bool
    source: str
    content: str


def hash_weights(module: nn.Module, about: str | None = None) -> str:
    """Hash what is said ``about`` a module, or else its class's name; and its tensors and names."""
    import torch

    digest = sha256((about or type(module).__name__).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


class ModelFormat:
    """A kind of models, which is registered under the word before the colon.

    Its module is imported as soon as an experiment names such a model. So what is heavy, or may not
    be installed, is imported where it is used.
    """

    forms: ClassVar[tuple[str, ...]] = ()
    """How its models are written: ``("onnx:FILE",)``."""
    path: ClassVar[PrefixedPath | None] = None
    """Where a path follows in a name, and whether reading it runs code; None if none does."""
    endings: ClassVar[tuple[str, ...]] = ()
    """How files of its models end: ``(".onnx",)``. They hold weights, and may not say all that
    ``[target] size``, ``mean``, ``std`` and ``output`` say. Empty if a model is no file."""

    def check(self, model: str) -> None:
        """Check a model's whole name without loading it; raise ValueError if none can have it."""
        if not model.partition(":")[2]:
            raise ValueError(f"{model!r} is not a model; use {_either(self.forms)}")

    def known(self) -> Sequence[str]:
        """List whole names that a wrong one may have meant."""
        return ()

    @classmethod
    @hookimpl
    def register(cls, register: Register) -> None:
        """Register the kind: a plugin's ``neatfool_register_models`` if it has only this one."""
        for word in dict.fromkeys(form.partition(":")[0] for form in cls.forms):
            register(word, cls)


class ClassifierFormat(ModelFormat, ABC):
    """A kind of models that tell classes apart."""

    def preprocessing(self, model: str) -> Preprocessing | None:
        """Tell what images a model of ImageNet's classes takes, if that needs no loading."""
        del model
        return None

    @abstractmethod
    def classifier(self, name: str, request: Request) -> Classifier:
        """Load a network; ``name`` is what follows the colon.

        Raises:
            ExperimentError: Something does not exist.
            TargetError: It is damaged, not available, or something else.
            ValueError: Something is missing, or options do not fit; the model's name is added.
        """


class TowerFormat(ModelFormat, ABC):
    """A kind of models that turn images into vectors, which may be compared with those of texts."""

    @abstractmethod
    def tower(self, name: str, request: Request) -> Tower:
        """Load a network, and raise errors, as :meth:`ClassifierFormat.classifier` does."""


FormatT = TypeVar("FormatT", ClassifierFormat, TowerFormat)


@dataclass(frozen=True)
class ModelName(PrefixedPath):
    """Marks text that names a model, with or without a path: ``Annotated[str, ModelName()]``."""

    word: str = ""

    def of(self, text: str) -> PrefixedPath | None:
        """Ask the model's format where its path begins, and whether reading it runs code."""
        model = _find(text)
        return model.path.of(text) if model and model.path else None


def find_format(model: str, kind: type[FormatT]) -> FormatT:
    """Find what reads a model of a kind, and check its whole name without loading it.

    Raises:
        ValueError: There is no such model.
        PluginError: What reads it is broken.
    """
    if isinstance(found := _find(model), kind):
        found.check(model)
        return found
    fits = [each for each in _formats().values() if isinstance(each, kind)]
    known = [name for each in fits for name in each.known()]
    meant = name_file(model, kind) + [name for name in known if name.endswith(f":{model}")]
    if meant := meant or get_close_matches(model, known):
        raise ValueError(f"unknown model {model!r}; did you mean {_either(meant)}?")
    ways: dict[str, None] = dict.fromkeys(form for each in fits for form in each.forms)
    raise ValueError(f"unknown model {model!r}; use {_either([*ways])}")


def name_file(path: str, kind: type[ModelFormat] = ClassifierFormat) -> list[str]:
    """Name a file as a model, by its ending: ``["onnx:net.onnx"]``; nothing if no format fits."""
    ending = "" if _find(path) else Path(path).suffix.lower()
    formats = _formats().items() if ending else ()
    return [f"{word}:{path}" for word, e in formats if ending in e.endings and isinstance(e, kind)]


def _formats() -> dict[str, ModelFormat]:
    """Make each format that is installed, by its word."""
    plugins = PluginManager()
    return {word: _make(plugins, word) for word in plugins.names("model")}


def load_classifier(request: Request) -> Classifier:
    """Load the classifier that a request names.

    Raises:
        ExperimentError: It, a file or a package does not exist, or options do not fit it.
        TargetError: The weights do not fit, are damaged, or are not available.
    """
    try:
        return _find_to_read(request, ClassifierFormat).classifier(request.name, request)
    except ValueError as error:
        raise ExperimentError(f"[target] {request.key} = {request.model}: {error}") from error


def load_tower(request: Request) -> Tower:
    """Load the network that a request names, to get vectors of images, and perhaps of texts.

    Raises:
        ExperimentError: It, a file or a package does not exist, or options do not fit it.
        TargetError: The weights are damaged, or not available.
    """
    try:
        return _find_to_read(request, TowerFormat).tower(request.name, request)
    except ValueError as error:
        raise ExperimentError(f"[target] {request.key} = {request.model}: {error}") from error


def _find_to_read(request: Request, kind: type[FormatT]) -> FormatT:
    found = find_format(request.model, kind)
    path = Path(request.name).expanduser()
    # Opening a pipe would wait for somebody to write to it.
    if found.endings and path.exists() and not path.is_file():
        raise ValueError("is no ordinary file; give the path of a model's file")
    return found


def need(module: str, *, extra: str, package: str = "") -> None:
    """Raise ValueError, which says how to get it, if a module is not installed."""
    if find_spec(module) is None:
        raise ValueError(
            f"needs the package {package or module.replace('_', '-')}, which is not installed; pip "
            f"install 'neatfool[{extra}]'"
        )


@contextmanager
def reading(fault: str, remedy: str) -> Iterator[None]:
    """Turn any error of a library that reads a file or downloads it into a TargetError."""
    try:
        yield
    except Exception as error:  # each library raises many kinds
        why = " ".join(str(error).split())
        raise TargetError(f"{fault} ({type(error).__name__}: {why[:300]}); {remedy}") from error


def _find(model: str) -> ModelFormat | None:
    plugins, word = PluginManager(), model.partition(":")[0]
    return _make(plugins, word) if word in plugins.names("model") else None


def _make(plugins: PluginManager, word: str) -> ModelFormat:
    registration = plugins.load("model", word)
    made = registration.make()
    if not isinstance(made, ModelFormat):
        raise PluginError(
            f"{registration.label}: {type(made).__name__} is no reader of models; let it inherit "
            "from neatfool.models.ClassifierFormat or TowerFormat"
        )
    return made


def _either(names: Sequence[str]) -> str:
    return listed([*map(repr, names)], "or")
