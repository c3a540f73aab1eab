"""The detectors of the package pytorch-ood, by its ``fit`` and ``predict``."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from neatfool import ExperimentError, nearest

if TYPE_CHECKING:
    from torch import nn

    from .answers import Answers, Needs

BATCH: Final = 64
"""Images a call of a detector that looks at the images themselves."""
FEWER: Final = {"KNN": ("k", 10), "ViM": ("d", 2)}
"""Of few images at most this part: the 50th nearest of 60 is on the other side, and 60 images vary
in no more than 60 directions."""


class MissingPackageError(ValueError):
    """A package that detectors need is not installed."""


def _module() -> Any:
    try:
        return import_module("pytorch_ood")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"needs the package {(error.name or 'pytorch_ood').replace('_', '-')}; give "
            "`pip install 'neatfool[ood]'`"
        ) from error


def check_name(name: str) -> None:
    """Check that the package has a detector, and that its numbers can be read.

    Raises:
        ValueError: It has none, or is not installed.
    """
    needs_of(name)
    _numbers(name)


def needs_of(name: str) -> Needs:
    """Say what a detector looks at.

    Raises:
        ValueError: There is no such detector, or the package is not installed.
    """
    found, api = _class(name), _module().api
    if issubclass(found, api.LogitsDetector):
        return "logits"
    return "features" if issubclass(found, api.FeaturesDetector) else "images"


def _class(name: str) -> Any:
    module = _module()
    known = {
        each: found
        for each, found in vars(module.detector).items()
        if inspect.isclass(found) and issubclass(found, module.api.Detector)
    }
    word = name.partition(" ")[0]
    if word not in known:
        raise ValueError(f"pytorch-ood has no detector {word!r}{nearest(word, known)}")
    return known[word]


def _numbers(name: str) -> dict[str, float]:
    """Read what follows the name: ``DICE p=0.7``."""
    numbers = {}
    for part in name.split()[1:]:
        key, _, value = part.partition("=")
        try:
            numbers[key] = int(value) if value.isdecimal() else float(value)
        except ValueError:
            raise ValueError(
                f"{part!r} is not a number of a name; write NAME key=number, as in DICE p=0.7"
            ) from None
    return numbers


class Elsewhere:
    """A detector of pytorch-ood. Its scores have no gradient."""

    differentiable = False

    def __init__(self, name: str, head: nn.Linear | None, module: nn.Module | None) -> None:
        """Make the detector with what its constructor asks for.

        Args:
            name: Its class, and perhaps numbers for its constructor: ``DICE p=0.7``.
            head: The network's last linear layer.
            module: The network.

        Raises:
            ExperimentError: It asks for something else.
        """
        self.name, self.needs = name, needs_of(name)
        offered: dict[str, Any] = {"model": None, "encoder": None, **_numbers(name)}
        if head is not None:
            bias = torch.zeros(head.out_features) if head.bias is None else head.bias.detach()
            offered |= {"head": head, "w": head.weight.detach(), "b": bias}
            offered.setdefault("d", head.in_features // 2)
        if self.needs == "images":
            offered["model"] = module
        found = _class(name)
        wanted = inspect.signature(found).parameters
        lacking = [
            key
            for key, parameter in wanted.items()
            if parameter.default is parameter.empty
            and parameter.kind is not parameter.VAR_KEYWORD
            and (key not in offered or (key == "encoder" and self.needs == "images"))
        ]
        if lacking:
            raise ExperimentError(
                f"the detector pytorch-ood:{name} asks for {', '.join(lacking)}, which is not to "
                f"be had here; if it is a number, write pytorch-ood:{name} {lacking[0]}=0.5"
            )
        given = {key: value for key, value in offered.items() if key in wanted}
        self._detector = self._try(lambda: found(**given).to("cpu"))
        self.fits = bool(found.requires_fit)

    def fit(self, familiar: Answers) -> None:
        """Fit it to the familiar images, each in the class that the classifier names.

        Raises:
            ExperimentError: It fails, or the images are too few for its arithmetic.
        """
        if not self.fits:
            return
        labels = familiar.classes
        of_classes = isinstance(self._detector, _module().detector.Mahalanobis)
        if of_classes:
            # It takes no class without an image.
            labels = torch.from_numpy(np.unique(labels, return_inverse=True)[1])
        if self.name in FEWER:
            key, part = FEWER[self.name]
            most = max(1, len(labels) // part)
            setattr(self._detector, key, min(getattr(self._detector, key), most))
        if self.needs == "logits":
            self._try(lambda: self._detector.fit_logits(familiar.logits.float(), labels))
        elif self.needs == "features":
            self._try(lambda: self._detector.fit_features(familiar.features, labels))
        else:
            assert familiar.images is not None
            starts = range(0, len(labels), BATCH)
            batches = [
                (familiar.images[start : start + BATCH], labels[start : start + BATCH])
                for start in starts
            ]
            self._try(lambda: self._detector.fit(batches))
        if of_classes and torch.linalg.cholesky_ex(self._detector.precision).info:
            raise ExperimentError(
                f"the detector pytorch-ood:{self.name} cannot be fitted to {len(labels):,} images: "
                "its covariance has no inverse in single precision. Give at least twice as many "
                "as the network's last layer has features (familiar = FOLDER in an experiment, "
                "--familiar FOLDER in a command), or choose knn or a formula of logits"
            )

    def score(self, answers: Answers) -> torch.Tensor:
        """Let it predict."""
        if self.needs == "logits":
            scores = self._try(lambda: self._detector.predict_logits(answers.logits.float()))
        elif self.needs == "features":
            scores = self._try(lambda: self._detector.predict_features(answers.features))
        else:
            with torch.enable_grad():
                scores = self._try(lambda: self._detector.predict(answers.images))
        given: torch.Tensor = torch.as_tensor(scores).detach().float()
        return given

    def _try(self, call: Any) -> Any:
        """Call the package, whose exceptions are about its own parameters."""
        try:
            return call()
        except Exception as error:
            raise ExperimentError(
                f"the detector pytorch-ood:{self.name} failed: {type(error).__name__}: {error}; "
                "choose another detector, or give more familiar images"
            ) from error
