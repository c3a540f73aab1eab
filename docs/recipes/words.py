"""A reader of text. A class is a word, its confidence the probability that an image reads so."""

from importlib.metadata import distribution

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, Field

from neatfool import ClassNames, ImageSpec, Register, Scores, Target, TargetError, hookimpl


class Options(BaseModel, extra="forbid"):
    words: ClassNames = Field(description="the words, separated by commas, or `@FILE`")
    width: int = Field(64, ge=16, description="the width of images; they are 48 pixels high")


class Reader(Target):
    def __init__(self, options: Options) -> None:
        package = distribution("rapidocr-onnxruntime")
        path = package.locate_file("rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx")
        settings = onnxruntime.SessionOptions()
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.network = onnxruntime.InferenceSession(str(path), settings)
        alphabet = self.network.get_modelmeta().custom_metadata_map["character"]
        known = ["", *alphabet.split("\n"), " "]  # the first one stands for no sign
        signs = ["", *sorted({*"".join(options.words)})]
        self.columns = [*map(known.index, signs)]
        self.words = [torch.tensor([[*map(signs.index, word)]]) for word in options.words]
        self.spec = ImageSpec(48, options.width, 3, tuple(options.words), sums_to_one=False)

    def score(self, images: np.ndarray) -> Scores:
        bgr = images[:, ::-1].astype(np.float32) / 127.5 - 1
        (signs,) = self.network.run(None, {"x": bgr})  # [N, T, signs]: what stands at T places
        logs = torch.from_numpy(signs[:, :, self.columns]).double().clamp_min(1e-30).log()
        read = [self.read(logs.transpose(0, 1), word) for word in self.words]
        return Scores(torch.stack(read, 1).exp().numpy())

    def read(self, logs: torch.Tensor, word: torch.Tensor) -> torch.Tensor:
        # CTC's forward algorithm: the sum over all ways to write the word in T places.
        places, count, _ = logs.shape
        lengths = torch.full((count,), places), torch.full((count,), word.shape[1])
        return -F.ctc_loss(logs, word.expand(count, -1), *lengths, reduction="none")

    def self_check(self) -> None:
        font = ImageFont.load_default(40)
        for index, word in enumerate(self.spec.classes):
            image = Image.new("RGB", (int(font.getlength(word)) + 12, 48), "white")
            ImageDraw.Draw(image).text((6, 24), word, "black", font, anchor="lm")
            pixels = np.asarray(image.resize((self.spec.width, 48))).transpose(2, 0, 1)
            if (sure := self.score(pixels[None]).probs[0, index]) < 0.5:
                raise TargetError(f"words: reads a printed {word!r} at {sure:.0%}; set width")


@hookimpl
def neatfool_register_targets(register: Register) -> None:
    register("words", Reader, options=Options)
