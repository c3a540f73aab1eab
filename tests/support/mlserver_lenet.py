"""The LeNet as a custom model of MLServer, which imports this file in an environment of its own."""

import numpy as np
import torch
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from neatfool_plugins.mnist.lenet import MnistTarget
from neatfool_plugins.mnist.options import Options

BATCH = 25


class LeNet(MLModel):
    """Scores images in batches of one size, the last one padded."""

    async def load(self) -> bool:
        self.target = MnistTarget(Options(device="cpu"))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        images = torch.from_numpy(NumpyCodec.decode_input(payload.inputs[0]).astype(np.uint8))
        scores = [self.target.score(padded(part)) for part in images.split(BATCH)]
        tables = {
            "probabilities": np.concatenate([each.probs for each in scores])[: len(images)],
            "logits": np.concatenate([each.logits for each in scores])[: len(images)],
        }
        outputs = [NumpyCodec.encode_output(name, table) for name, table in tables.items()]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def padded(images: torch.Tensor) -> torch.Tensor:
    """Repeat the last image until the batch is full."""
    return torch.cat([images, images[-1:].expand(BATCH - len(images), *images.shape[1:])])
