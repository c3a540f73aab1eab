"""Answers of the Open Inference Protocol v2: scores, and descriptions of the model."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from .requests import INPUT
from .served import VERSION

if TYPE_CHECKING:
    from neatfool import Scores

    from .requests import Request
    from .served import Served

SERVER: Final[dict[str, Any]] = {
    "name": "neatfool",
    "version": version_of("neatfool"),
    "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
}


def describe_model(served: Served, most: int) -> dict[str, Any]:
    """Write the protocol's model metadata.

    ``parameters`` hold what the protocol has no place for: for the input ``most``, the most images
    that a request should have; for the outputs the class names and whether an image's
    probabilities sum to one; for the model the target's fingerprint.
    """
    spec = served.spec
    about = {"classes": [*spec.classes], "sums_to_one": spec.sums_to_one}
    return {
        "name": served.name,
        "versions": [VERSION],
        "platform": "neatfool",
        "inputs": [
            {
                "name": INPUT,
                "datatype": "UINT8",
                "shape": [-1, *spec.shape],
                "parameters": {"max_batch_size": most},
            }
        ],
        "outputs": [
            {
                "name": output.name,
                "datatype": output.datatype,
                "shape": [-1, len(spec.classes)],
                "parameters": about,
            }
            for output in served.outputs
        ],
        "parameters": {"fingerprint": served.scorer.fingerprint},
    }


def describe_configuration(served: Served, most: int) -> dict[str, Any]:
    """Write what applies of Triton's model configuration; ``most`` as :func:`describe_model`."""
    spec = served.spec
    outputs = [
        {"name": each.name, "data_type": f"TYPE_{each.datatype}", "dims": [len(spec.classes)]}
        for each in served.outputs
    ]
    return {
        "name": served.name,
        "platform": "neatfool",
        "backend": "neatfool",
        "max_batch_size": most,
        "input": [{"name": INPUT, "data_type": "TYPE_UINT8", "dims": [*spec.shape]}],
        "output": outputs,
    }


def write_answer(scores: Scores, request: Request, served: Served) -> tuple[bytes, int | None]:
    """Write the scores of a request's images.

    Returns:
        The HTTP body, and the length of its JSON if raw tensors follow, for the header
        ``Inference-Header-Content-Length``. The row of an image without a score is null in JSON,
        and NaN in raw tensors.
    """
    tensors: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for output, binary in request.outputs:
        values = output.of(scores)
        tensor: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": [*values.shape],
        }
        if binary:
            raw.append(values.astype(values.dtype.newbyteorder("<")).tobytes())
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            # float64 keeps each float32 exactly, and orjson writes NaN as null.
            tensor["data"] = values.astype(np.float64).ravel()
        tensors.append(tensor)
    answer: dict[str, Any] = {"model_name": served.name, "model_version": VERSION}
    if request.id is not None:
        answer["id"] = request.id
    text = orjson.dumps(answer | {"outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([text, *raw]), len(text) if raw else None
