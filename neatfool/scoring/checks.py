"""What plugins draw and answer, checked before the search sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.errors import PluginError, TargetError, blaming
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import ROUNDING, Scores, as_array
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


def check_scores(answer: Any, count: int, spec: ImageSpec, name: str) -> Scores:
    """Check a target's answer to ``count`` images; give it with ``ok``."""
    if spec.is_objective:
        from neatfool.scoring.objectives import check_objective

        return check_objective(answer, count, spec, name)
    if not isinstance(answer, Scores):
        got = type(answer).__name__
        raise TargetError(f"{name}: score() returned {got}; return neatfool.Scores(probabilities)")
    shape = (count, len(spec.classes))
    probs = as_array(answer.probs, "probs", shape, name)
    ok = np.isfinite(probs).all(axis=1)
    if answer.ok is not None:
        ok &= as_array(answer.ok, "ok", (count,), name).astype(bool)
    logits = None
    if answer.logits is not None:
        # A copy: a target may return the same buffer at each call.
        none = np.shape(answer.logits)[1:] == (shape[1] + 1,)
        logits = as_array(answer.logits, "logits", (count, shape[1] + none), name).copy()
        ok &= ~np.isnan(logits).any(axis=1) & np.isfinite(logits.max(axis=1))
        if not ok.all():
            logits = np.where(ok[:, None], logits, 0.0)
    if not ok.all():
        probs = np.where(ok[:, None], probs, 0.0)
    if fault := find_fault(probs[ok], spec):
        raise TargetError(
            f"{name}: probs give {fault}; probabilities lie in [0, 1], and their sum is 1. Put raw "
            "network outputs into logits= and their softmax into probs. If classes do not exclude "
            "one another, say ImageSpec(..., sums_to_one=False)"
        )
    alone = logits is not None and spec.stands_alone(logits.shape[1])
    return Scores(probs.clip(0, 1), logits, ok, alone=alone)


def find_fault(probs: np.ndarray, spec: ImageSpec) -> str:
    """Say what numbers [N, K] an image has in place of probabilities; empty if they are such."""
    if not probs.size:
        return ""
    low, high, sums = float(probs.min()), float(probs.max()), probs.sum(axis=1)
    if low < -ROUNDING or high > 1 + ROUNDING:
        return f"numbers from {low:.4g} to {high:.4g}"
    worst = float(sums[np.argmax(np.abs(sums - 1))])
    off = spec.sums_to_one and abs(worst - 1) > ROUNDING
    return f"an image numbers that sum to {worst:.4g}" if off else ""
