"""Answers, as the Open Inference Protocol v2 has them: of inference, and of what is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from neatfool import __version__
from neatfool.serving.requests import INPUT
from neatfool.serving.served import VERSION

if TYPE_CHECKING:
    from neatfool.serving.requests import Request
    from neatfool.serving.served import Served
    from neatfool.spec.json import Json
    from neatfool.spec.scores import Scores

SERVER: Final[Json] = {
    "name": "neatfool",
    "version": __version__,
    "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
}


def describe_model(served: Served, most: int) -> Json:
    """Describe a model.

    Args:
        served: The model.
        most: Images that a client should send in a request at most.

    Returns:
        The protocol's model metadata. ``parameters`` say what the protocol has no place for: of
        the input the most images of a request, of the outputs the names of the classes and whether
        the probabilities of an image sum to one, of the model the target's fingerprint.
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
        "parameters": {"fingerprint": served.fingerprint},
    }


def describe_configuration(served: Served, most: int) -> Json:
    """Describe a model as Triton's model configuration does, as far as that says something here.

    Args:
        served: The model.
        most: As of :func:`describe_model`.
    """
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
    """Write what the target says.

    Args:
        scores: Of the request's images.
        request: The request.
        served: What was asked.

    Returns:
        The HTTP body, and the length of the JSON at its beginning where raw tensors follow it, for
        the header ``Inference-Header-Content-Length``. The row of an image that could not be scored
        is null, in raw tensors NaN.
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
            # float64 brings each float32 back exactly, and orjson writes NaN as null.
            tensor["data"] = values.astype(np.float64).ravel()
        tensors.append(tensor)
    answer: dict[str, Any] = {"model_name": served.name, "model_version": VERSION}
    if request.id is not None:
        answer["id"] = request.id
    text = orjson.dumps(answer | {"outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([text, *raw]), len(text) if raw else None
