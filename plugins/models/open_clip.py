"""Networks of open_clip: from its list, the Hugging Face hub, or a folder in the hub's format."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neatfool import PrefixedPath, TargetError, nearest
from neatfool.models import Preprocessing, Request, Tower, TowerFormat, hash_weights, in_bytes, need


class OpenClipImages(nn.Module):
    """The half of a model that looks at images."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute vectors [N, D] of floats [N, C, H, W]."""
        output = self.visual(images)
        vectors: torch.Tensor = output[0] if isinstance(output, tuple) else output
        return vectors


class OpenClip(TowerFormat):
    """``ViT-B-32/laion2b_s34b_b79k``, ``hf-hub:OWNER/NAME`` or ``local-dir:FOLDER``."""

    forms = ("open_clip:NAME/WEIGHTS", "open_clip:local-dir:FOLDER")
    path = PrefixedPath("open_clip:local-dir:")

    def tower(self, name: str, request: Request) -> Tower:
        """Load a network by open_clip's name for it; only safetensors are read."""
        need("open_clip", extra="clip", package="open-clip-torch")
        import open_clip

        model_name, tag = _name_and_tag(name)
        try:
            _check_weights(model_name, tag)  # pickles could run code
            texts: dict[str, Any] = open_clip.get_model_config(model_name)["text_cfg"]
            if texts.get("hf_model_name"):
                from transformers import dynamic_module_utils

                # Else the user would be asked whether to run code that comes with a model.
                dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0
            model: Any = open_clip.create_model(
                model_name, pretrained=tag, require_pretrained=True, device="cpu"
            ).eval()
            # Else the model's own configuration could agree to run code that comes with it.
            no_code = {"trust_remote_code": False} if texts.get("hf_tokenizer_name") else {}
            tokenizer: Any = open_clip.get_tokenizer(model_name, **no_code)
        except ValueError as error:
            if "trust_remote_code" in str(error):
                raise ValueError("needs code of its own, which neatfool does not run") from error
            raise
        except Exception as error:  # errors of the network, the disk, and the file
            raise TargetError(
                f"[target] {request.key} = {request.model}: cannot be loaded "
                f"({type(error).__name__}: {error}); if you are offline, use "
                "open_clip:local-dir:FOLDER, or see *Without a hub* in the documentation of clip"
            ) from error
        preprocessing = _preprocessing(model.visual.preprocess_cfg)
        module = OpenClipImages(model.visual).eval()

        def read(sentences: Sequence[str]) -> torch.Tensor:
            vectors: torch.Tensor = model.encode_text(tokenizer([*sentences]))
            return vectors

        with torch.inference_mode():
            probe = module(torch.zeros(1, 3, *preprocessing.size))
        return Tower(
            name=request.model,
            module=module,
            preprocessing=preprocessing,
            width=probe.shape[1],
            temperature=math.exp(-model.logit_scale.item()),
            read=read,
            differentiable=True,
            source=f"open_clip's {name}",
            content=hash_weights(model),
        )


def _preprocessing(config: dict[str, Any]) -> Preprocessing:
    """Take over open_clip's preprocessing, with its own transforms for photographs."""
    import open_clip
    from torchvision.transforms import Compose, PILToTensor

    preset = open_clip.transform.PreprocessCfg(**config)
    size = preset.size
    height, width = (size, size) if isinstance(size, int) else size
    whole: Any = open_clip.transform.image_transform_v2(preset, is_train=False)
    *prepare, _, _ = whole.transforms  # the last two scale
    own, interpolation = Compose([*prepare, PILToTensor()]), config["interpolation"]
    mean, std = (in_bytes(config[key]) for key in ("mean", "std"))
    usual = Preprocessing(height, width, min(height, width), mean, std, interpolation)
    return replace(usual, own=own)


def _name_and_tag(name: str) -> tuple[str, str | None]:
    import open_clip

    source, _, rest = name.partition(":")
    if rest and source not in {"hf-hub", "local-dir"}:
        raise ValueError(f"open_clip has no models from {source!r}; use 'hf-hub' or 'local-dir'")
    if rest:
        return name, None
    model_name, _, tag = name.partition("/")
    if model_name not in (known := open_clip.list_models()):
        raise ValueError(f"open_clip has no model {model_name!r}{nearest(model_name, known)}")
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if tag not in tags:
        raise ValueError(
            f"open_clip has no weights {tag!r} for {model_name}{nearest(tag, tags)}; give "
            f"open_clip:{model_name}/WEIGHTS"
        )
    return model_name, tag


def _check_weights(name: str, tag: str | None) -> None:
    """Check that the weights that open_clip will load are safe; download them if need be."""
    from open_clip import pretrained

    source, _, rest = name.partition(":")
    if tag is not None:
        weights = Path(pretrained.download_pretrained(pretrained.get_pretrained_cfg(name, tag)))
    elif source == "hf-hub":
        weights = Path(pretrained.download_pretrained_from_hf(rest))
    else:
        folder = Path(rest).expanduser()
        if not (folder / "open_clip_config.json").is_file():
            raise ValueError(f"{folder}: has no open_clip_config.json; give open_clip's folder")
        first = folder / "open_clip_model.safetensors"  # is loaded, whatever else lies there
        pickles = [*folder.glob("*.bin"), *folder.glob("*.pth")]
        if not first.is_file() and (pickles or not any(folder.glob("*.safetensors"))):
            why = f" that is sure to be loaded before {pickles[0].name}" if pickles else ""
            raise ValueError(f"{folder}: has no .safetensors file{why}; save one as {first.name}")
        return
    if weights.suffix != ".safetensors":
        raise ValueError(f"its weights are {weights.name}; only .safetensors is read: save one")


neatfool_register_models = OpenClip.register
