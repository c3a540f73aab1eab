"""Networks of torchvision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from neatfool import TargetError, models, nearest

Tensors = dict[str, torch.Tensor]

_NAMES: Final[list[str]] = torchvision.models.list_models(module=torchvision.models)
"""All classifiers."""


class TorchVision(models.ClassifierFormat):
    """torchvision's classifiers, by the names of :func:`find`."""

    forms = ("torchvision:NAME",)

    def check(self, model: str) -> None:
        """Look for the network and its weights in torchvision's list."""
        super().check(model)
        find(model.partition(":")[2])

    def known(self) -> Sequence[str]:
        """List all classifiers."""
        return [f"torchvision:{name}" for name in _NAMES]

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load a network; other weights get the same preprocessing."""
        network, weights = find(name)
        path = request.weights
        tensors = _download(weights) if path is None else models.read_tensors(path)
        module = _without_weights(network, weights, tensors)
        models.fit_weights(module, tensors, path or f"{weights}")
        preset = weights.transforms()
        (side,), (larger,), way = preset.crop_size, preset.resize_size, preset.interpolation.value
        mean, std = models.in_bytes(preset.mean), models.in_bytes(preset.std)
        preprocessing = models.Preprocessing(side, side, max(larger, side), mean, std, way)
        labels = tuple(weights.meta["categories"]) if path is None else None
        source = str(path or f"torchvision's {weights}")
        count = _count(module, tensors)
        return models.Classifier(request.model, module, preprocessing, count, labels, source)


def find(name: str) -> tuple[str, WeightsEnum]:
    """Find a network by ``resnet50``, for the default weights, or ``resnet50/IMAGENET1K_V1``."""
    network, _, wanted = name.partition("/")
    if network not in _NAMES:
        raise ValueError(f"torchvision has no classifier {network!r}{nearest(network, _NAMES)}")
    published: Any = torchvision.models.get_model_weights(network)
    # Some weights are for a part of the network, without classes.
    known = {weights.name: weights for weights in published if weights.meta["categories"]}
    if wanted and wanted not in known:
        raise ValueError(f"{network} has no weights {wanted!r}{nearest(wanted, known)}")
    return network, known[wanted] if wanted else published.DEFAULT


def _without_weights(network: str, weights: WeightsEnum, tensors: Tensors) -> nn.Module:
    """Make a network for its published weights, with as many classes as the given ones."""
    options: dict[str, Any] = {}
    # Their published weights expect another scaling, which the networks can do.
    if network in {"googlenet", "inception_v3"}:
        options = {"transform_input": True, "init_weights": False}
    if network.startswith("vit_") and "min_size" in weights.meta:
        options["image_size"] = weights.meta["min_size"][0]
    module: nn.Module = torchvision.models.get_model(network, weights=None, **options)
    published = len(weights.meta["categories"])
    if (count := _count(module, tensors)) != published:
        module = torchvision.models.get_model(network, weights=None, num_classes=count, **options)
    return module.eval()


def _count(module: nn.Module, tensors: Tensors) -> int:
    """Count the classes of weights by the network's last layer."""
    last, parameter = [*module.named_parameters()][-1]
    return len(tensors[last]) if last in tensors and tensors[last].ndim else len(parameter)


def _download(weights: WeightsEnum) -> Tensors:
    """Download published weights, or take them from torch's cache."""
    try:
        return dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except Exception as error:
        # torch's message about a damaged file advises to run its code.
        kept = Path(torch.hub.get_dir(), "checkpoints", weights.url.rsplit("/", 1)[-1])
        raise TargetError(
            f"torchvision's {weights} cannot be downloaded from {weights.url} "
            f"({type(error).__name__}); if you are offline, use [target] weights = FILE, or model "
            f"= efficientnet-lite0, whose weights are in a package; if {kept} exists, it is "
            "damaged: delete it"
        ) from error


neatfool_register_models = TorchVision.register
