"""What a server of the Open Inference Protocol says of itself and of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from .faults import RefusedError
from .numbers import is_short_text

if TYPE_CHECKING:
    from . import Options

BINARY: Final = "binary_tensor_data"
"""What a server calls the extension by which pixels go as raw bytes."""


@dataclass(frozen=True)
class Tensor:
    """What a model says of one of its inputs or outputs.

    Attributes:
        name: Its name.
        datatype: ``UINT8``, ``FP32`` …
        shape: Its lengths; -1 where they are free.
        parameters: What else is said of it.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: dict[str, Any]

    @classmethod
    def read(cls, said: Any) -> Tensor:
        """Read it.

        Raises:
            RefusedError: It is no description of a tensor.
        """
        if not isinstance(said, dict):
            raise RefusedError("its metadata are not as the protocol has them")
        shape, parameters = said.get("shape"), said.get("parameters")
        if not (
            is_short_text(said.get("name"))
            and is_short_text(said.get("datatype"))
            and isinstance(shape, list)
            and all(type(length) is int for length in shape)
        ):
            raise RefusedError("its metadata name no tensors with a datatype and a shape")
        parameters = parameters if isinstance(parameters, dict) else {}
        return cls(said["name"], said["datatype"].upper(), tuple(shape), parameters)


@dataclass(frozen=True)
class Metadata:
    """What a model says of itself.

    Attributes:
        model: Its name.
        versions: The versions that there are.
        inputs: What it takes; none if it does not say.
        outputs: What it gives, likewise.
        parameters: What else it says.
    """

    model: str
    versions: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: dict[str, Any]

    @classmethod
    def read(cls, said: Any) -> Metadata:
        """Read the answer to a request for metadata.

        Raises:
            RefusedError: It is none.
        """
        if not isinstance(said, dict) or not ({"name", "inputs", "outputs"} & {*said}):
            raise RefusedError("its metadata are not as the protocol has them")
        lists = [said.get(key) or [] for key in ("inputs", "outputs")]
        if not all(isinstance(each, list) for each in lists):
            raise RefusedError("its metadata list no inputs and outputs")
        versions, parameters = said.get("versions"), said.get("parameters")
        inputs, outputs = (tuple(map(Tensor.read, each)) for each in lists)
        return cls(
            str(said.get("name", "")),
            tuple(map(str, versions)) if isinstance(versions, list) else (),
            inputs,
            outputs,
            parameters if isinstance(parameters, dict) else {},
        )


def model_url(options: Options) -> str:
    """Write where a model is found."""
    version = f"/versions/{quote(options.model_version, safe='')}" if options.model_version else ""
    return f"{options.url.rstrip('/')}/v2/models/{quote(options.model or '', safe='')}{version}"


def server_url(options: Options) -> str:
    """Write where the server says what it is."""
    return f"{options.url.rstrip('/')}/v2"


def takes_binary(said: Any) -> bool:
    """Read from what a server says of itself whether it takes pixels as raw bytes."""
    extensions = said.get("extensions") if isinstance(said, dict) else None
    return isinstance(extensions, list) and BINARY in extensions
