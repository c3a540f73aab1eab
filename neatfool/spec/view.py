"""Views: ways in which the world changes an image before it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


@runtime_checkable
class View(Protocol):
    """One way in which the world changes an image: moved, turned, darker, saved as JPEG.

    A view needs the members below. The framework also uses these, if it has them:

    ``limit: float``
        The strongest that an experiment may ask for; the last of ``strengths`` if absent.
    ``together(images, views, amounts, seeds) -> torch.Tensor``
        A static method that applies several views in turn, faster than :meth:`change` of each.
        Views that follow one another and share this function are given to it together;
        ``amounts`` and ``seeds`` then are [N, number of views]. All else is as for ``change``,
        but the views may be combined, into one warp for example, and so look a little different.

    Attributes:
        unit: What its strength counts: ``"pixels"``, ``"JPEG quality"``, ``"%"``.
        harmless: The strength that changes nothing: 0 for most, 100 for JPEG quality.
        strengths: A few strengths from mild to strong, for curves.
        signed: Whether strength s also stands for -s (left and right, darker and lighter).
        what: A few words in a sentence: ``"moved"``, ``"turned"``, ``"saved as JPEG"``.
    """

    unit: str
    harmless: float
    strengths: Sequence[float]
    signed: bool
    what: str

    def change(
        self, images: torch.Tensor, amounts: torch.Tensor, seeds: torch.Tensor
    ) -> torch.Tensor:
        """Change images, each as much as it says.

        The result for an image does not depend on the others, and has the same bits each time.
        Several threads may call this at once.

        Args:
            images: float32 [N, C, H, W] from 0 to 255, on any device. Do not write to them.
            amounts: float32 [N], on the same device: strengths; if ``signed``, perhaps negative.
            seeds: int64 [N], >= 0, on the same device, for whatever else is random (a direction).

        Returns:
            float32 [N, C, H, W] from 0 to 255, differentiable by ``images``. Rounding and the
            like let the gradient pass as if they were not there.
        """
        ...
