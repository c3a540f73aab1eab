"""Loading parts of a model of transformers, without running code of its repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch

from neatfool import ExperimentError, TargetError

_CODE_FREE: Final = {"trust_remote_code": False}
"""A repository's own code is never run."""
_PICKLED: Final = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_SAYS_HOW: Final = ("preprocessor_config.json", "processor_config.json")


def find_source(name: str) -> str:
    """Tell a folder from a name on the hub.

    Raises:
        ExperimentError: There is no such folder.
        TargetError: The folder lacks the configuration, or weights in safetensors.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise TargetError(
                f"{path}: has no config.json; give a folder that save_pretrained() wrote"
            )
        if not any(path.glob("*.safetensors")):
            if any((path / each).exists() for each in _PICKLED):
                raise _refuse_pickle(str(path))
            raise TargetError(f"{path}: has no weights (model.safetensors); save them there")
        return str(path)
    if name[0] in "./~" or name.count("/") > 1:
        raise ExperimentError(
            f"transformers:{name}: there is no such folder; give one that save_pretrained() wrote, "
            "or a name on the Hugging Face hub"
        )
    return name


def load_part(kind: Any, source: str, **options: Any) -> Any:
    """Load what ``kind.from_pretrained`` loads, without running code of a repository.

    Raises:
        TargetError: It cannot be downloaded or loaded.
    """
    try:
        return kind.from_pretrained(source, **_CODE_FREE, **options)
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


def load_processor(source: str) -> Any:
    """Load a model's image processor.

    Raises:
        TargetError: It cannot be downloaded or loaded.
        ValueError: The folder has none.
    """
    from transformers import AutoImageProcessor

    path = Path(source)
    if path.is_dir() and not any((path / each).is_file() for each in _SAYS_HOW):
        raise ValueError(
            "has no preprocessor_config.json, which says how images are resized and scaled; copy "
            "it from the model's page into the folder, or write it with the image processor's "
            "save_pretrained()"
        )
    return load_part(AutoImageProcessor, source)


def load_model(kind: Any, source: str) -> tuple[Any, list[str]]:
    """Load a model in evaluation mode, and list the weights that it lacks.

    Raises:
        TargetError: It cannot be downloaded or loaded, or has no weights in safetensors.
    """
    model, found = load_part(
        kind,
        source,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    wrong = [*found["missing_keys"], *found.get("mismatched_keys", ())]
    return model.eval(), sorted(map(str, wrong))
