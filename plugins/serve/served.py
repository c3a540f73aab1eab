"""The target that is served, called as a run calls it; its description and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import torch

from neatfool import ExperimentError, open_scorer

if TYPE_CHECKING:
    from neatfool import Experiment, ImageSpec, Scorer, Scores

INPUT: Final = "images"
"""The name of the only input."""
VERSION: Final = "1"
"""A model has only one version."""
SERVER: Final[dict[str, Any]] = {
    "name": "neatfool",
    "version": version_of("neatfool"),
    "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
}


@dataclass(frozen=True)
class Output:
    """A tensor of the answers, [N, K]: ``probabilities`` or ``logits``, float32 or float64."""

    name: str
    dtype: np.dtype

    @property
    def datatype(self) -> str:
        """The protocol's name for the dtype."""
        return f"FP{8 * self.dtype.itemsize}"

    def of(self, scores: Scores) -> np.ndarray:
        """Give its numbers [N, K], all NaN for an image without a score.

        The others are finite, because JSON has no infinity: the logarithm of a zero probability
        becomes the lowest number, which a softmax turns into zero again.
        """
        values = scores.probs if self.name == "probabilities" else scores.logits
        lowest = np.finfo(self.dtype).min
        given: np.ndarray = np.maximum(np.asarray(values).astype(self.dtype), lowest)
        given[~np.asarray(scores.ok)] = np.nan
        return given


@dataclass(frozen=True)
class Request:
    """What a client wants scored: images uint8 [N, C, H, W], and its name for the request, if any.

    Each of ``outputs`` is (output, whether as bytes and not JSON).
    """

    images: np.ndarray
    id: str | None
    outputs: tuple[tuple[Output, bool], ...]


@dataclass(frozen=True)
class Served:
    """A target that is served."""

    name: str
    """The model's name, which is the experiment's."""
    scorer: Scorer
    """The target, called as a run calls it."""
    outputs: tuple[Output, ...]
    """The tensors of its answers."""

    @property
    def spec(self) -> ImageSpec:
        """The target's spec."""
        return self.scorer.spec


def make_served(experiment: Experiment) -> Served:
    """Make the target of an experiment, to score exactly and in batches of a run's size.

    A request's answer is what a run of this experiment would record, to the last bit, however
    clients divide images into requests.
    """
    scorer = None if experiment.target.costs else open_scorer(experiment, views=True)
    if scorer is not None and not scorer.costs:
        return Served(experiment.name, scorer, outputs_of(scorer))
    if scorer is not None:
        scorer.close()
    raise ExperimentError(
        f"{experiment.target.label} is a metered target: it costs something to ask, and only a run "
        "keeps account of it; serve another target, or fool this one where it is"
    )


def outputs_of(scorer: Scorer) -> tuple[Output, ...]:
    """Score a black image to find out which tensors the target answers with."""
    scores = scorer.score(torch.zeros((1, *scorer.spec.shape), dtype=torch.uint8))
    parts = {"probabilities": scores.probs, "logits": scores.logits}
    return tuple(
        Output(name, np.dtype(np.float64 if values.dtype == np.float64 else np.float32))
        for name, values in parts.items()
        if values is not None and values.shape == scores.probs.shape
    )


def describe_model(served: Served, most: int) -> dict[str, Any]:
    """Write the protocol's model metadata; a request should have ``most`` images at most.

    ``parameters`` hold what the protocol has no place for.
    """
    spec = served.spec

    def describe(name: str, datatype: str, shape: Sequence[int], **more: Any) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": [-1, *shape], "parameters": more}

    about = {"classes": [*spec.classes], "sums_to_one": spec.sums_to_one}
    shape = [len(spec.classes)]
    return {
        "name": served.name,
        "versions": [VERSION],
        "platform": "neatfool",
        "inputs": [describe(INPUT, "UINT8", spec.shape, max_batch_size=most)],
        "outputs": [describe(each.name, each.datatype, shape, **about) for each in served.outputs],
        "parameters": {"fingerprint": served.scorer.fingerprint},
    }


def describe_configuration(served: Served, most: int) -> dict[str, Any]:
    """Write what applies of Triton's model configuration; ``most`` as :func:`describe_model`."""
    spec, classes = served.spec, len(served.spec.classes)
    return {
        "name": served.name,
        "platform": "neatfool",
        "backend": "neatfool",
        "max_batch_size": most,
        "input": [{"name": INPUT, "data_type": "TYPE_UINT8", "dims": [*spec.shape]}],
        "output": [
            {"name": each.name, "data_type": f"TYPE_{each.datatype}", "dims": [classes]}
            for each in served.outputs
        ],
    }


def write_answer(scores: Scores, request: Request, served: Served) -> tuple[bytes, int | None]:
    """Write the scores of a request's images: the body, and its JSON's length if more follows.

    The row of an image without a score is null in JSON, and NaN in raw tensors.
    """
    tensors: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for output, binary in request.outputs:
        values = output.of(scores)
        tensor: dict[str, Any] = {"name": output.name, "datatype": output.datatype}
        tensor["shape"] = [*values.shape]
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
