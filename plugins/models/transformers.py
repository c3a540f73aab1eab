"""Networks of transformers: from the Hugging Face hub, or a folder in its format.

Their parts are loaded without running code of a repository.
"""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from neatfool import ExperimentError, PrefixedPath, TargetError, models


class LogitsOnly(nn.Module):
    """A model of transformers that takes and gives plain tensors."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits [N, K] of floats [N, C, H, W]."""
        logits: torch.Tensor = self.model(pixel_values=images).logits
        return logits


class Transformers(models.ClassifierFormat):
    """Image classifiers by their name on the hub, or in a folder."""

    forms = ("transformers:NAME", "transformers:FOLDER")
    path = PrefixedPath("transformers:", or_name=True)

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load an image classifier."""
        if request.weights is not None:
            raise ValueError("a model of transformers has its own weights; leave 'weights' out")
        source = _prepare(name)
        from transformers import AutoConfig, AutoImageProcessor

        config = _load_part(AutoConfig, source)
        preprocessing = _find_preprocessing(_load_part(AutoImageProcessor, source), config)
        model = _load_model(source, config)
        labels = [str(config.id2label[index]) for index in range(config.num_labels)]
        if len(labels) < 2:
            raise ValueError(f"it has {len(labels)} class; a classifier has at least two")
        return models.Classifier(
            request.model,
            LogitsOnly(model).eval(),
            preprocessing,
            len(labels),
            None if all(each.startswith("LABEL_") for each in labels) else tuple(labels),
            f"{type(model).__name__} from {source}",
            outputs="multi_label" if str(config.problem_type).startswith("multi_label") else None,
        )


def _prepare(name: str) -> str:
    """Keep transformers quiet, and tell a folder from a name on the hub."""
    models.need("transformers", extra="transformers")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    path = Path(name).expanduser()
    if path.is_dir():
        return str(path)
    if name[0] in "./~" or name.count("/") > 1:
        raise ExperimentError(
            f"{name}: there is no such folder; give one that save_pretrained wrote"
        )
    return name


def _load_part(kind: Any, source: str, **options: Any) -> Any:
    """Load what ``kind.from_pretrained`` loads, without running code of a repository."""
    remedy = (
        "give a folder that save_pretrained() of the model and of its image processor wrote, or a "
        "name on the Hugging Face hub, of a kind of model that transformers has itself, with its "
        "weights as safetensors: neither pickles nor code of a repository are read, as they can "
        "run anything. If you are offline, fetch it where you are not: hf download NAME "
        "--local-dir FOLDER"
    )
    with models.reading(f"transformers:{source}: cannot be loaded", remedy):
        return kind.from_pretrained(source, trust_remote_code=False, **options)


def _load_model(source: str, config: Any) -> Any:
    """Load a classifier in evaluation mode, and check that it has all its weights."""
    from transformers import AutoModelForImageClassification

    options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
    # A configuration may name a repository whose code computes attention: transformers chooses.
    options |= {"config": config, "attn_implementation": None}
    model, report = _load_part(AutoModelForImageClassification, source, **options)
    if wrong := sorted(map(str, [*report["missing_keys"], *report.get("mismatched_keys", ())])):
        raise TargetError(
            f"transformers:{source}: its weights lack {', '.join(wrong[:3])}; it is not an image "
            "classifier, or not whole; give one that was trained to classify images"
        )
    return model.eval()


def _find_preprocessing(processor: Any, config: Any) -> models.Preprocessing:
    """Take over the processor's scaling, find out its size by trying, and let it prepare."""
    channels = int(getattr(config, "num_channels", 3) or 3)
    if channels not in (1, 3):
        raise ValueError(f"takes images of {channels} channels; only 1 and 3 can be drawn")
    mode = "L" if channels == 1 else "RGB"

    def prepare(image: Image.Image) -> torch.Tensor:
        given = processor(images=[image], return_tensors="pt", do_rescale=False, do_normalize=False)
        pixels: torch.Tensor = given["pixel_values"][0]
        return pixels.round().clamp(0, 255).to(torch.uint8)

    shapes = ((300, 300), (300, 400), (500, 350))
    sizes = {tuple(prepare(Image.new(mode, shape)).shape[1:]) for shape in shapes}
    if len(sizes) > 1:
        raise ValueError("its processor does not bring photographs to one size; set `crop_size`")
    ((height, width),) = sizes
    factor = processor.rescale_factor if processor.do_rescale else 1.0
    mean, std = (0.0,), (1.0,)
    if processor.do_normalize:
        mean, std = tuple(processor.image_mean), tuple(processor.image_std)
    size = dict(getattr(processor, "size", None) or {})
    found = models.Preprocessing(
        height,
        width,
        max(height, width, size.get("shortest_edge") or 0),
        tuple(float(f"{each / factor:.7g}") for each in mean),
        tuple(float(f"{each / factor:.7g}") for each in std),
        channels=channels,
        own=prepare,
    )
    photograph = models.PHOTOGRAPHS[0].open().convert(mode)
    theirs = processor(images=[photograph], return_tensors="pt")["pixel_values"][0]
    middle, spread = (torch.tensor(each)[:, None, None] for each in (found.mean, found.std))
    # Bytes are rounded by half a step.
    if not ((theirs * spread + middle - prepare(photograph)).abs() < 0.6).all():
        name = type(processor).__name__
        raise ValueError(f"its {name} does more than scale; write a target plugin")
    return found


neatfool_register_models = Transformers.register
