"""Networks of timm: from its list, the Hugging Face hub, or a folder in the hub's format."""

import math
from dataclasses import replace
from typing import Any

from torch import nn

from neatfool import PrefixedPath, models, nearest


class Timm(models.ClassifierFormat):
    """``resnet50.a1_in1k``, ``hf-hub:timm/resnet18.a1_in1k`` or ``local-dir:FOLDER``."""

    forms = ("timm:NAME", "timm:local-dir:FOLDER")
    path = PrefixedPath("timm:local-dir:")

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load a network by timm's name for it."""
        models.need("timm", extra="timm")
        import timm.data

        source, _, rest = name.partition(":")
        if not rest and not timm.is_model(name.partition(".")[0]):
            raise ValueError(f"timm has no model {name!r}{nearest(name, timm.list_models())}")
        if rest and source not in {"hf-hub", "local-dir"}:
            raise ValueError(f"timm has no models from {source!r}; use 'hf-hub' or 'local-dir'")
        module = _make(name, request)
        count = int(getattr(module, "num_classes", 0))
        if count < 2:
            raise ValueError(f"it has {count} classes; a classifier has at least two")
        source = str(request.weights or f"timm's {name}")
        preprocessing, labels = _preprocessing(module), _labels(module)
        return models.Classifier(request.model, module, preprocessing, count, labels, source)


def _preprocessing(module: nn.Module) -> models.Preprocessing:
    """Take over timm's preprocessing, with its own transforms for photographs."""
    import timm.data

    config: dict[str, Any] = timm.data.resolve_model_data_config(module)
    channels, height, width = config["input_size"]
    interpolation = config["interpolation"]
    if interpolation not in {"nearest", "bilinear", "bicubic", "lanczos"}:
        config["interpolation"] = interpolation = "bicubic"
    wide, high = (math.floor(side / config["crop_pct"]) for side in (width, height))
    own = timm.data.create_transform(**config, use_prefetcher=True)
    mean, std = (models.in_bytes(config[key]) for key in ("mean", "std"))
    usual = models.Preprocessing(height, width, min(wide, high), mean, std, interpolation, channels)
    return replace(usual, own=own)


def _make(name: str, request: models.Request) -> nn.Module:
    import timm

    path = request.weights
    options: dict[str, Any] = {}
    if path is not None:
        tensors = models.read_tensors(path)
        plain: Any = timm.create_model(name, pretrained=False)
        own = {id(parameter) for parameter in plain.get_classifier().parameters()}
        last = [each for each, parameter in plain.named_parameters() if id(parameter) in own]
        counts = [len(tensors[each]) for each in last if each in tensors]
        options["num_classes"] = counts[-1] if counts else plain.num_classes
    remedy = "if you are offline, use timm:local-dir:FOLDER, or [target] weights = FILE"
    with models.reading(f"[target] model = timm:{name}: cannot be loaded", remedy):
        module: nn.Module = timm.create_model(name, pretrained=path is None, **options).eval()
    if path is not None:
        models.fit_weights(module, tensors, path)
    return module


def _labels(module: nn.Module) -> tuple[str, ...] | None:
    config: Any = module.pretrained_cfg
    names, descriptions = config.get("label_names"), config.get("label_descriptions") or {}
    if names:
        return tuple(str(descriptions.get(name, name)) for name in names)
    import timm.data

    subset = timm.data.infer_imagenet_subset(module)
    if subset in {None, "imagenet-1k"}:
        return None
    return tuple(timm.data.ImageNetInfo(subset).label_descriptions())


neatfool_register_models = Timm.register
