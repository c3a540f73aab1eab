"""Networks of transformers: from the Hugging Face hub, or a folder in its format.

Their parts are loaded without running code of a repository. :mod:`.preprocessing` finds out how
they are shown images.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from neatfool import ExperimentError, PathAfter, Register, TargetError, hookimpl
from neatfool.models import Classifier, ClassifierFormat, Tower, TowerFormat, hash_weights, need

from .preprocessing import find_preprocessing

if TYPE_CHECKING:
    from neatfool.models import Preprocessing, Request

CLIP_TEMPERATURE: Final = 0.01
"""What CLIP divides similarities by."""
PAD_WHOLE: Final = "siglip"
"""Networks of this name have only seen texts that are padded to their full length."""
_NO_NAME: Final = re.compile(r"LABEL_\d+")
"""What a configuration calls a class that nobody named."""
_MULTI_LABEL: Final = "multi_label_classification"
_PICKLED: Final = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_SAYS_HOW: Final = ("preprocessor_config.json", "processor_config.json")


class LogitsOnly(nn.Module):
    """A classifier of transformers that takes and gives plain tensors."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, [N, K] out."""
        logits: torch.Tensor = self.model(pixel_values=images).logits
        return logits


class ImagesOnly(nn.Module):
    """The half of a model that looks at images."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        half = copy.copy(model)
        # The texts are read once, before the run; a GPU need not hold what reads them.
        half._modules = {
            name: each for name, each in model._modules.items() if not name.startswith("text")
        }
        self.model = half

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute vectors [N, D] of floats [N, C, H, W]."""
        vectors: torch.Tensor = self.model.get_image_features(pixel_values=images).pooler_output  # type: ignore[operator]
        return vectors


class Transformers(ClassifierFormat, TowerFormat):
    """Networks by their name on the hub, or in a folder."""

    forms = ("transformers:NAME", "transformers:FOLDER")
    path = PathAfter("transformers:", or_name=True)

    def classifier(self, name: str, request: Request) -> Classifier:
        """Load an image classifier."""
        if request.weights is not None:
            raise ValueError("a model of transformers has its own weights; leave 'weights' out")
        source = _prepare(name)
        from transformers import AutoConfig, AutoModelForImageClassification

        config = load_part(AutoConfig, source)
        preprocessing = _load_preprocessing(source, config)
        model, wrong = load_model(AutoModelForImageClassification, source)
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise TargetError(
                f"transformers:{source}: its weights lack {', '.join(wrong[:3])}{more}: it is not "
                "an image classifier, or not whole; give one that was trained to classify images"
            )
        labels = [str(config.id2label[index]) for index in range(config.num_labels)]
        if len(labels) < 2:
            raise ValueError(f"it has {len(labels)} class; a classifier has at least two")
        return Classifier(
            request.model,
            LogitsOnly(model).eval(),
            preprocessing,
            len(labels),
            None if all(map(_NO_NAME.fullmatch, labels)) else tuple(labels),
            f"{type(model).__name__} from {source}",
            outputs="multi_label" if config.problem_type == _MULTI_LABEL else None,
        )

    def tower(self, name: str, request: Request) -> Tower:
        """Load a network that compares images with texts."""
        source = _prepare(name)
        from transformers import AutoModel, AutoTokenizer

        model, missing = load_model(AutoModel, source)
        if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
            raise ValueError(
                f"{type(model).__name__} does not compare images with texts; give a CLIP"
            )
        if missing:
            raise TargetError(
                f"transformers:{source}: its weights lack {', '.join(missing[:3])}; it is not "
                "whole: download it again"
            )
        tokenizer = load_part(AutoTokenizer, source)
        vision = getattr(model.config, "vision_config", model.config)
        preprocessing = _load_preprocessing(source, vision)
        module = ImagesOnly(model).eval()
        with torch.inference_mode():
            probe = module(torch.zeros(1, 3, *preprocessing.size))

        def read(sentences: Sequence[str]) -> torch.Tensor:
            whole = model.config.model_type.startswith(PAD_WHOLE)
            padding = "max_length" if whole else True
            tokens = tokenizer([*sentences], padding=padding, truncation=True, return_tensors="pt")
            vectors: torch.Tensor = model.get_text_features(**tokens).pooler_output
            return vectors

        scale = getattr(model, "logit_scale", None)
        return Tower(
            name=request.model,
            module=module,
            preprocessing=preprocessing,
            width=probe.shape[1],
            temperature=CLIP_TEMPERATURE if scale is None else math.exp(-scale.item()),
            read=read,
            differentiable=True,
            source=f"{type(model).__name__} from {source}",
            content=hash_weights(model),
        )


def _prepare(name: str) -> str:
    """Keep transformers quiet, and tell a folder from a name on the hub."""
    need("transformers", extra="transformers")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    path = Path(name).expanduser()
    if not path.is_dir():
        if name[0] in "./~" or name.count("/") > 1:
            raise ExperimentError(
                f"transformers:{name}: there is no such folder; give one that save_pretrained() "
                "wrote, or a name on the Hugging Face hub"
            )
        return name
    if not (path / "config.json").is_file():
        raise TargetError(f"{path}: has no config.json; give a folder that save_pretrained() wrote")
    if not any(path.glob("*.safetensors")):
        if any((path / each).exists() for each in _PICKLED):
            raise _refuse_pickle(str(path))
        raise TargetError(f"{path}: has no weights (model.safetensors); save them there")
    return str(path)


def load_part(kind: Any, source: str, **options: Any) -> Any:
    """Load what ``kind.from_pretrained`` loads, without running code of a repository."""
    try:
        return kind.from_pretrained(source, trust_remote_code=False, **options)
    except Exception as error:  # errors of the network, the disk, and the files
        text = " ".join(str(error).split())
        if "trust_remote_code" in text:
            raise TargetError(
                f"transformers:{source}: needs code from its repository, which neatfool does not "
                "run; choose a model of a kind that transformers has itself, or write a target "
                "plugin"
            ) from error
        if not Path(source).is_dir() and any(each in text for each in (".bin", "safetensors")):
            raise _refuse_pickle(source) from error
        advice = (
            "it is damaged, or another kind of model: give a folder that save_pretrained() wrote"
            if Path(source).is_dir()
            else "there is no such folder, so it was looked for on the Hugging Face hub. Check the "
            f"name; if you are offline, fetch it where you are not (`hf download {source} "
            "--local-dir FOLDER`), and give transformers:FOLDER"
        )
        raise TargetError(
            f"transformers:{source}: cannot be loaded ({type(error).__name__}: {text[:300]}); "
            f"{advice}"
        ) from error


def _refuse_pickle(source: str) -> TargetError:
    return TargetError(
        f"transformers:{source}: has its weights only as a pickle (pytorch_model.bin), which can "
        "run code; neatfool reads safetensors only. If you trust it, convert it: load it with "
        "from_pretrained of its class, and write it with save_pretrained(FOLDER)"
    )


def _load_preprocessing(source: str, config: Any) -> Preprocessing:
    from transformers import AutoImageProcessor

    path = Path(source)
    if path.is_dir() and not any((path / each).is_file() for each in _SAYS_HOW):
        raise ValueError(
            "has no preprocessor_config.json, which says how images are resized and scaled; copy "
            "it from the model's page into the folder, or write it with the image processor's "
            "save_pretrained()"
        )
    return find_preprocessing(load_part(AutoImageProcessor, source), config)


def load_model(kind: Any, source: str) -> tuple[Any, list[str]]:
    """Load a model in evaluation mode, and list the weights that it lacks."""
    options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
    model, report = load_part(kind, source, **options)
    wrong = [*report["missing_keys"], *report.get("mismatched_keys", ())]
    return model.eval(), sorted(map(str, wrong))


@hookimpl
def neatfool_register_models(register: Register) -> None:
    """Register the kind."""
    register("transformers", Transformers)
