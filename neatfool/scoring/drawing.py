"""Candidates are drawn: an image each, or one for each view of a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from neatfool.errors import PluginError, blaming
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import MultiView, Target

if TYPE_CHECKING:
    import torch

SHAPE: Final = 4
"""Images [N, C, H, W]. If they are drawn anew for each view, there is another dimension."""


def draw(
    encodings: Sequence[Encoding[Any]], genomes: Sequence[Any], spec: ImageSpec, name: str
) -> Any:
    """Let encodings render uint8 [n, C, H, W]; with several, a view each, [n, views, C, H, W]."""
    import torch

    drawn, shape = list[Any](), (len(genomes), *spec.shape)
    for encoding in encodings:
        with blaming(f"{name}: render() failed"):
            images: Any = encoding.render(genomes)
        kind, tensor = type(images).__name__, isinstance(images, torch.Tensor)
        if tensor and images.dtype == torch.uint8 and images.shape == shape:
            drawn.append(images)
            continue
        got = f"{images.dtype} {tuple(images.shape)}" if tensor else kind
        raise PluginError(f"{name}: render() returned {got}; the target takes torch.uint8 {shape}")
    return torch.stack(drawn, 1) if len(drawn) > 1 else drawn[0]


def encodings_of(target: Target, encoding: Encoding[Any]) -> list[Encoding[Any]]:
    """Give what draws each view of a target, or all of them; the first draws what is saved."""
    return target.encodings(encoding) if isinstance(target, MultiView) else [encoding]


def add_views(
    saved: torch.Tensor, encodings: Sequence[Encoding[Any]], genomes: Sequence[Any]
) -> torch.Tensor:
    """Draw those views anew, [N, views, C, H, W], of which saved images [N, C, H, W] lack all."""
    import torch

    others = [encoding.render(genomes).cpu() for encoding in encodings[1:]]
    return torch.stack([saved, *others], 1) if others else saved


def saved_images(images: torch.Tensor) -> torch.Tensor:
    """Give the images that are saved, [N, C, H, W], of images [N, C, H, W] or one a view."""
    return images[:, 0] if images.dim() > SHAPE else images
