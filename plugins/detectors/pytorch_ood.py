"""OOD detectors of the package pytorch-ood, by its ``fit`` and ``predict``."""

import inspect
import logging
from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from neatfool import ExperimentError, Register, hookimpl, nearest
from neatfool.ood import Answers, Detector, MissingPackage

_log = logging.getLogger("neatfool.detectors")

FEWER: Final = {"KNN": ("k", 10), "ViM": ("d", 2)}
"""Of few images at most this part: the 50th nearest of 60 is on the other side, and 60 images vary
in no more than 60 directions."""
OF_COVARIANCE: Final = {"Mahalanobis", "ViM", "RMD", "MultiMahalanobis"}
"""They learn in which directions features vary, which takes more images than features."""
LOOKS_AT: Final = {
    "KNN": "nearest neighbours",
    "Mahalanobis": "Mahalanobis distance",
    "ViM": "virtual logit",
}
"""What those with short names look at."""


class PytorchOod(Detector):
    """A detector of pytorch-ood. Its scores have no gradient."""

    def __init__(self, name: str) -> None:
        """Find it by the name of its class: ``RMD``."""
        module = _module()
        self.name, api = name, module.api
        known: dict[str, Any] = {
            each: kind
            for each, kind in vars(module.detector).items()
            if inspect.isclass(kind) and issubclass(kind, api.LogitsDetector | api.FeaturesDetector)
        }
        if name not in known:
            raise ExperimentError(
                f"pytorch-ood has no detector {name!r} of logits or features{nearest(name, known)}"
            )
        self._class = known[name]
        self.looks_at = LOOKS_AT.get(name, "of the package pytorch-ood")
        self.needs = "logits" if issubclass(self._class, api.LogitsDetector) else "features"
        self.fits = bool(self._class.requires_fit)

    def look_at(self, head: nn.Linear | None) -> None:
        """Make the detector with what its constructor asks for."""
        offered: dict[str, Any] = {"model": None, "encoder": None}
        if head is not None:
            bias = torch.zeros(head.out_features) if head.bias is None else head.bias.detach()
            offered |= {"head": head, "w": head.weight.detach(), "b": bias}
            offered["d"] = head.in_features // 2
        wanted = inspect.signature(self._class).parameters
        given = {key: value for key, value in offered.items() if key in wanted}
        self._detector = self._try(lambda: self._class(**given).to("cpu"))

    def fit(self, answers: Answers) -> None:
        """Fit it to in-distribution images, each in the class that the classifier names."""
        labels = answers.classes
        of_classes = isinstance(self._detector, _module().detector.Mahalanobis)
        if of_classes:
            # It takes no class without an image.
            labels = torch.from_numpy(np.unique(labels, return_inverse=True)[1])
        if self.name in FEWER:
            key, part = FEWER[self.name]
            most = max(1, len(labels) // part)
            setattr(self._detector, key, min(getattr(self._detector, key), most))
        inputs = getattr(answers, self.needs).float()
        if self.name in OF_COVARIANCE and len(inputs) < inputs.shape[1]:
            _log.warning(
                "Do not rely on pytorch-ood:%s: fitted to %d images, fewer than the %d features of "
                "the network's last layer, it knows few of the directions in which in-distribution "
                "images vary. Give at least four times as many",
                self.name,
                *inputs.shape,
            )
        fit = getattr(self._detector, f"fit_{self.needs}")
        self._try(lambda: fit(inputs, labels))
        if of_classes and torch.linalg.cholesky_ex(self._detector.precision).info:
            raise ExperimentError(
                f"the detector pytorch-ood:{self.name} cannot be fitted to {len(labels):,} images: "
                "its covariance has no inverse in single precision. Give at least twice as many "
                "as the network's last layer has features (in_distribution = FOLDER in an "
                "experiment, --in-distribution FOLDER in a command), or choose knn or energy"
            )

    def score(self, answers: Answers) -> torch.Tensor:
        """Let it predict."""
        inputs = getattr(answers, self.needs).float()
        predict = getattr(self._detector, f"predict_{self.needs}")
        with torch.no_grad():
            scores = self._try(lambda: predict(inputs))
        given: torch.Tensor = torch.as_tensor(scores).detach().float()
        return given

    def _try(self, call: Any) -> Any:
        """Call the package, whose exceptions are about its own parameters."""
        try:
            return call()
        except Exception as error:
            raise ExperimentError(
                f"the detector pytorch-ood:{self.name} failed: {type(error).__name__}: {error}; "
                "choose another detector, or give more in-distribution images"
            ) from error


def _module() -> Any:
    try:
        return import_module("pytorch_ood")
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"needs the package {(error.name or 'pytorch_ood').replace('_', '-')}; give "
            "`pip install 'neatfool[ood]'`"
        ) from error


@hookimpl
def neatfool_register_detectors(register: Register) -> None:
    """Register all, and three of them under short names."""
    register("pytorch-ood", PytorchOod)
    register("knn", partial(PytorchOod, "KNN"))
    register("mahalanobis", partial(PytorchOod, "Mahalanobis"))
    register("vim", partial(PytorchOod, "ViM"))
