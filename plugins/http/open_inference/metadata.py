"""What a server of the Open Inference Protocol says of itself and of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, StrictInt, ValidationError

from ..client.faults import RefusedError
from ..numbers import is_short_text

if TYPE_CHECKING:
    from ..options import Options

BINARY: Final = "binary_tensor_data"
"""What a server calls the extension by which pixels go as raw bytes."""


def _check_name(name: str) -> str:
    if not is_short_text(name):
        raise ValueError("is no short printable text")
    return name


Name = Annotated[str, AfterValidator(_check_name)]
Parameters = Annotated[
    dict[str, Any], BeforeValidator(lambda said: said if isinstance(said, dict) else {})
]


class Tensor(BaseModel, frozen=True):
    """What a model says of one of its inputs or outputs.

    Attributes:
        name: Its name.
        datatype: ``UINT8``, ``FP32`` …
        shape: Its lengths; -1 where they are free.
        parameters: What else is said of it.
    """

    name: Name
    datatype: Annotated[Name, AfterValidator(str.upper)]
    shape: tuple[StrictInt, ...]
    parameters: Parameters = {}


Tensors = Annotated[tuple[Tensor, ...], BeforeValidator(lambda said: said or ())]


class Metadata(BaseModel, frozen=True):
    """What a model says of itself.

    Attributes:
        name: Its name.
        versions: The versions that the server has.
        inputs: What it takes; empty if it does not say.
        outputs: What it gives, likewise.
        parameters: What else it says.
    """

    name: Annotated[str, BeforeValidator(str)] = ""
    versions: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda said: tuple(map(str, said)) if isinstance(said, list) else ()),
    ] = ()
    inputs: Tensors = ()
    outputs: Tensors = ()
    parameters: Parameters = {}

    @classmethod
    def read(cls, said: Any) -> Metadata:
        """Read the answer to a request for metadata.

        Raises:
            RefusedError: It is none.
        """
        if not isinstance(said, dict) or not ({"name", "inputs", "outputs"} & {*said}):
            raise RefusedError("its metadata are not as the protocol has them")
        try:
            return cls.model_validate(said)
        except ValidationError:
            raise RefusedError(
                "its metadata list no inputs and outputs, or no tensors with a name, a datatype "
                "and a shape"
            ) from None


def model_url(options: Options) -> str:
    """Write where a model is found."""
    version = f"/versions/{quote(options.model_version, safe='')}" if options.model_version else ""
    return f"{options.url.rstrip('/')}/v2/models/{quote(options.model or '', safe='')}{version}"


def server_url(options: Options) -> str:
    """Write where the server says what it is."""
    return f"{options.url.rstrip('/')}/v2"


def takes_binary(said: Any) -> bool:
    """Say whether a server takes pixels as raw bytes, by what it says of itself."""
    extensions = said.get("extensions") if isinstance(said, dict) else None
    return isinstance(extensions, list) and BINARY in extensions
