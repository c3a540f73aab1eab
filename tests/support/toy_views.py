"""Two views of images of any size, as a plugin in a file."""

import torch

from neatfool import View, hookimpl


class Darker(View):
    """Takes light away."""

    unit, harmless, strengths, signed, what = "%", 0.0, (20.0, 80.0), False, "darker"

    def __init__(self, options=None):
        pass

    def change(self, images, amounts, seeds):
        return images * (1 - amounts[:, None, None, None] / 100)


class Rolled(View):
    """Moves what leaves on one side in on the other, by whole pixels."""

    unit, harmless, strengths, signed, what = "pixels", 0.0, (1.0, 3.0), True, "rolled"

    def __init__(self, options=None):
        pass

    def change(self, images, amounts, seeds):
        moves = amounts.round().int().tolist()
        pairs = zip(images, moves, (seeds % 2).tolist(), strict=True)
        return torch.stack([image.roll(by, 1 + axis) for image, by, axis in pairs])


@hookimpl
def neatfool_register_views(register):
    register("darker", Darker)
    register("rolled", Rolled)
