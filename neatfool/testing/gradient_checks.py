"""Checks of a target that can be differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.testing.expectation import expect, require

if TYPE_CHECKING:
    from neatfool.testing.target_subject import TargetSubject

CLOSE: Final = 1e-3
"""Probabilities may differ by this much, because a network may compute them in another form."""


def check_logits_of_computes_what_score_does(subject: TargetSubject) -> None:
    """``logits_of``, if the target has it, gives the logits of its scores, with a gradient."""
    logits_of: Any = getattr(subject.target, "logits_of", None)
    require(logits_of is not None, "it has no logits_of")
    import torch

    pixels = torch.from_numpy(subject.images.copy()).float().requires_grad_()
    logits = logits_of(pixels)
    scores = subject.scores(subject.images)
    found = tuple(getattr(logits, "shape", ()))
    expect(
        isinstance(logits, torch.Tensor)
        and found in {each.shape for each in (scores.probs, scores.logits) if each is not None},
        f"logits_of() gave {type(logits).__name__} {found}; give a tensor {scores.probs.shape}",
    )
    expect(
        logits.requires_grad,
        "the logits of logits_of() have no gradient; do not detach, round, or compute under "
        "torch.no_grad() or inference_mode()",
    )
    ok = np.asarray(scores.ok)
    probs = logits.detach().double().softmax(1).cpu().numpy()
    if subject.target.spec.sums_to_one and ok.any():
        apart = float(np.abs(probs - scores.probs)[ok].max())
        expect(
            apart <= CLOSE,
            f"the softmax of logits_of() differs from score() by up to {apart:.2g}; both take "
            "pixels from 0 to 255, and log-probabilities are logits too",
        )
    (gradients,) = torch.autograd.grad(logits.double().log_softmax(1)[ok].max(1)[0].sum(), pixels)
    expect(
        bool(gradients.isfinite().all()) and bool(gradients.any()),
        "the gradients of logits_of() by the pixels are all zero, or not finite",
    )
