"""What all views share; and views from elsewhere: moved, turned, at an angle, cropped, resized.

A vectorised exp or cos may differ in the last bit from the one for the elements that are left over.
So numbers for an image are computed one by one, with ``math``, and numbers for pixels by sums and
products, or in float64 and then rounded. An image's result then does not depend on its batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from neatfool import Register, View, derive_seeds, hookimpl

IDENTITY: Final = np.eye(3)
REACH: Final = 3.0
"""A Gaussian ends after this many standard deviations: 0.3 % of it lie beyond."""
FINE: Final = 1.2
"""Interpolation is smooth enough for pixels so far apart. If they are further, detail is blurred:
here by 0.3 pixels, which is hardly seen."""
DISTANCE: Final = 1.5
"""How far away a camera is that looks at an angle, in lengths of the picture's longer side."""
CORNERS: Final = ((-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0))
CACHE: Final = 2**18
"""So many values fit a processor's cache, with those that they are made from."""


def warp(images: Tensor, matrices: np.ndarray) -> Tensor:
    """Take each image's values from other places, by linear interpolation; move whole pixels.

    In pixels from the centre, the value at (x, y) is taken from (p/r, q/r), where (p, q, r) is the
    image's matrix [3, 3] times (x, y, 1). What gets smaller is first blurred.
    """
    moves = IDENTITY + np.where(IDENTITY[2] * [[1], [1], [0]], np.rint(matrices), 0)
    whole = (matrices == moves).all((1, 2))
    grid = _make_grid(images, matrices)
    if whole.all():
        return F.grid_sample(images, grid, "nearest", "reflection", align_corners=False)
    apart = [math.sqrt(abs(area)) for area in np.linalg.det(matrices[:, :2, :2]).tolist()]
    smooth = blur(images, [0.45 * math.sqrt(a**2 - 1) if a > FINE else 0 for a in apart])
    warped = F.grid_sample(smooth, grid, "bilinear", "reflection", align_corners=False)
    warped = warped.clamp(0, 255)  # the weights of a place may sum to a little more than 1
    if whole.any():
        moved = F.grid_sample(images, grid, "nearest", "reflection", align_corners=False)
        warped = torch.where(per_image(torch.from_numpy(whole).to(images.device)), moved, warped)
    return warped


def blur(images: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Blur each image by a Gaussian of its standard deviation in pixels; 0 leaves it as it is."""
    weights = []
    for sigma in sigmas:
        parts = [1.0]  # of a place, of both its neighbours, and so on
        if sigma >= 1e-3:
            far = range(math.ceil(REACH * sigma) + 1)
            parts = [math.exp(-0.5 * (k / sigma) ** 2) for k in far]
        total = parts[0] + 2 * sum(parts[1:])
        weights.append([part / total for part in parts])
    reach = max(map(len, weights)) - 1
    if not reach:
        return images
    # Weights of 0 change no bit, so that an image's result does not depend on the widest blur.
    by_place = [factors([each[k] if k < len(each) else 0.0 for each in weights], images)
                for k in range(reach + 1)]  # fmt: skip
    for dim in (-1, -2):
        length = images.shape[dim]
        places = torch.arange(-reach, length + reach, device=images.device).remainder(2 * length)
        # As if mirrors stood at both edges.
        wide = images.index_select(
            dim, torch.where(places < length, places, 2 * length - 1 - places)
        )
        images = by_place[0] * images
        for k in range(1, reach + 1):
            both = wide.narrow(dim, reach - k, length) + wide.narrow(dim, reach + k, length)
            images += both.mul_(by_place[k])
    return images


def per_image(values: Tensor) -> Tensor:
    """Shape values [N] so that they apply to images [N, C, H, W]."""
    return values[:, None, None, None]


def factors(values: Sequence[float], images: Tensor) -> Tensor:
    """Make a factor for each image: [N, 1, 1, 1], of the images' type and device."""
    return per_image(images.new_tensor(values))


def _make_grid(images: Tensor, matrices: np.ndarray) -> Tensor:
    """Make the places [N, H, W, 2] in the units of grid_sample: an image is from -1 to 1."""
    height, width = images.shape[-2:]
    numbers = images.new_tensor(matrices * [[2 / width], [2 / height], [1]])[..., None, None]
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    y = torch.arange(height, device=images.device)[:, None] - (height - 1) / 2
    grid = images.new_empty(len(images), height, width, 2)

    def fill(row: int, out: Tensor) -> Tensor:
        p, q, r = numbers[:, row].unbind(1)
        return torch.add(p * x + r, q * y, out=out)

    for row in (0, 1):
        fill(row, grid[..., row])
    if matrices[:, 2, :2].any():
        grid /= fill(2, images.new_empty(len(images), height, width))[..., None]
    return grid


class Kind(View):
    """A view: how it changes images, and what is said of it (see :class:`neatfool.View`)."""

    def __init__(
        self,
        how: Callable[..., Any],
        what: str,
        strengths: Sequence[float],
        limit: float,
        *,
        unit: str = "%",
        harmless: float = 0.0,
        signed: bool = False,
    ) -> None:
        self.how, self.what, self.strengths, self.limit = how, what, strengths, limit
        self.unit, self.harmless, self.signed = unit, harmless, signed

    def change(self, images: Tensor, amounts: Tensor, seeds: Tensor) -> Tensor:
        """Change images; see :meth:`neatfool.View.change`."""
        return self.together(images, [self], amounts[:, None], seeds[:, None])

    @staticmethod
    def together(images: Tensor, views: Sequence[Kind], amounts: Tensor, seeds: Tensor) -> Tensor:
        """Change images by several views; see :class:`neatfool.View`."""
        # A processor is fastest with as little as fits its cache; a GPU with all at once.
        fit = torch.get_num_threads() * max(1, CACHE // math.prod(images.shape[1:]))
        size = fit if images.device.type == "cpu" else max(1, len(images))
        parts = []
        for some in (slice(start, start + size) for start in range(0, len(images), size)):
            part, where = images[some], None
            numbers = (each[some].T.tolist() for each in (amounts, seeds))
            for view, *given in zip(views, *numbers, strict=True):
                if isinstance(view, Place):
                    places = view.places(part.shape, *given)
                    where = places if where is None else where @ places
                elif isinstance(view, Step):
                    part, where = part if where is None else warp(part, where), None
                    part = view.apply(part, *given)
            parts.append(part if where is None else warp(part, where))
        return parts[0] if len(parts) == 1 else torch.cat(parts)


class Place(Kind):
    """A view that only takes values from other places. Several in a row are one warp.

    ``how(shape, amount, seed)`` says where an image's values come from: an affine matrix [3, 3], as
    :func:`warp` takes it.
    """

    def places(
        self, shape: Sequence[int], amounts: Sequence[float], seeds: Sequence[int]
    ) -> np.ndarray:
        """Say where the values of images come from: [N, 3, 3]."""
        return np.stack(
            [
                IDENTITY if amount == self.harmless else self.how(shape, amount, seed)
                for amount, seed in zip(amounts, seeds, strict=True)
            ]
        )


class Step(Kind):
    """A view that computes other values.

    ``how(images, amounts, seeds)`` changes images; values outside 0 to 255 are cut, and harmless
    amounts ignored, later.
    """

    def apply(self, images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
        """Change a few images."""
        changed: Tensor = self.how(images, amounts, seeds).clamp(0, 255)
        if self.harmless not in amounts:
            return changed
        same = torch.tensor([amount == self.harmless for amount in amounts], device=images.device)
        return torch.where(per_image(same), images, changed)


def draw(seed: int, purpose: str, count: int = 1) -> list[float]:
    """Draw numbers from 0 to 1 for an image."""
    return [part / 2**63 for part in derive_seeds(seed, purpose, ids=range(count))]


def _move(shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
    """Move in a random direction, by whole pixels, so that nothing is blurred."""
    angle = 2 * math.pi * draw(seed, "direction")[0]
    x, y = math.floor(amount * math.cos(angle)), math.floor(amount * math.sin(angle))
    around = [(x + right, y + down) for right in (0, 1) for down in (0, 1)]
    right, down = min(around, key=lambda place: abs(math.hypot(*place) - amount))
    return np.array([[1.0, 0, -right], [0, 1, -down], [0, 0, 1]])


def _turn(shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
    """Turn about the centre."""
    cos, sin = math.cos(math.radians(amount)), math.sin(math.radians(amount))
    return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


def _scale(shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
    """Make larger or smaller about the centre: 15 is 1.15 or 0.85 times the size."""
    step = 1 / (1 + amount / 100)
    return np.diag([step, step, 1.0])


def _crops(shape: Sequence[int], amount: float, seed: int) -> np.ndarray:
    """Keep a corner or the centre, smaller by this share, and scale it back, perhaps mirrored."""
    height, width = shape[-2:]
    part, cut = int(10 * draw(seed, "crop")[0]), amount / 100
    right, down = CORNERS[part % 5]
    kept, mirrored = 1 - cut, -1 if part >= 5 else 1
    return np.array(
        [
            [mirrored * kept, 0, right * cut * width / 2],
            [0, kept, down * cut * height / 2],
            [0, 0, 1],
        ]
    )


def _perspective(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Look at an angle, from a random side.

    It is no :class:`Place`: a view that looks past its edges would look past its horizon. Along the
    axis that the picture is tilted about (p), and across it (q), the picture's own coordinates are
    q far / (far cos - q sin) across, and p far cos / (far cos - q sin) along.
    """
    far, matrices = DISTANCE * max(images.shape[-2:]), []
    for amount, seed in zip(amounts, seeds, strict=True):
        tilt, side = math.radians(amount), 2 * math.pi * draw(seed, "side")[0]
        x, y = math.cos(side), math.sin(side)  # across; (-y, x) is along
        across, turn = 1 / math.cos(tilt), math.tan(tilt) / far
        matrices.append(
            [
                [across * x * x + y * y, (across - 1) * x * y, 0],
                [(across - 1) * x * y, across * y * y + x * x, 0],
                [-turn * x, -turn * y, 1],
            ]
        )
    return warp(images, np.array(matrices))


def _size(images: Tensor, amounts: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Make smaller, with antialiasing, and scale back."""
    # One by one, as each has a size of its own.
    size, back = images.shape[-2:], []
    for image, amount in zip(torch.split(images, 1), amounts, strict=True):
        sides = [max(1, round(side * amount / 100)) for side in size]
        small = F.interpolate(image, sides, mode="bicubic", antialias=True, align_corners=False)
        back.append(F.interpolate(small, size, mode="bicubic", align_corners=False))
    return torch.cat(back)


VIEWS: Final = {
    "move": Place(_move, "moved", (1, 3, 5, 10), 100, unit="pixels"),
    "turn": Place(_turn, "turned", (5, 10, 20, 45), 180, unit="degrees", signed=True),
    "scale": Place(_scale, "made larger or smaller", (5, 15, 30, 50), 75, signed=True),
    "crops": Place(_crops, "cropped", (5, 11, 20, 30), 75),
    "perspective": Step(_perspective, "seen at an angle", (10, 20, 30, 45), 60, unit="degrees"),
    "size": Step(
        _size,
        "made smaller and scaled back",
        (90, 75, 50, 25),
        5,
        unit="% of the size",
        harmless=100.0,
    ),
}


@hookimpl
def neatfool_register_views(register: Register) -> None:
    """Register the views of this module."""
    for name, view in VIEWS.items():
        register(name, lambda _options, view=view: view)
