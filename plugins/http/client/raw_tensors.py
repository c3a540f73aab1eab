"""Raw bytes behind the JSON of an answer, as the Open Inference Protocol's extension has them."""

from __future__ import annotations

from typing import Any

from .faults import RefusedError


def attach_raw_tensors(said: Any, raw: bytes) -> Any:
    """Give the outputs of an answer of the Open Inference Protocol the raw bytes that follow it.

    Args:
        said: Its JSON.
        raw: What follows the JSON: the bytes of one output after another.

    Returns:
        The JSON, in which such an output's ``data`` are its bytes.

    Raises:
        RefusedError: There are not as many as the outputs say.
    """
    outputs = said.get("outputs") if isinstance(said, dict) else None
    for output in outputs if isinstance(outputs, list) else []:
        parameters = output.get("parameters") if isinstance(output, dict) else None
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if type(size) is int and 0 <= size <= len(raw):
            output["data"], raw = raw[:size], raw[size:]
    if raw:
        raise RefusedError("raw bytes that belong to no output")
    return said
