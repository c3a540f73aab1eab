"""Targets: what is fooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.scores import Labels, Scores


@runtime_checkable
class Target(Protocol):
    """What is fooled.

    Only ``spec`` and ``score`` are needed. A target may have more, and the framework then uses it:

    ``fingerprint() -> str``
        What tells this target from one that scores otherwise (a hash of its weights, say); a run
        resumes only on the same. Absent: made from the plugin's name, options and spec.
    ``self_check() -> None``
        Called once before a run: raise :class:`~neatfool.TargetError` if the target does not
        recognise images that it should.
    ``describe() -> str``
        What it is and how it looks at images, in a few lines that are printed when a run starts.
    ``networks: Sequence[Network]``
        The :class:`~neatfool.Network` objects that ``score`` computes with. The framework then
        chooses how they compute: threads, frozen graphs, half precision to screen images with.
        Such a target is called from other threads than the one that made it, perhaps from several
        at once, with images on any device.
    ``logits_of(images) -> torch.Tensor``
        What ``score`` computes, for torch to differentiate: floats [N, C, H, W] in the range of
        bytes, 0 to 255, in; logits [N, K] out. Log-probabilities are logits too: where ``score``
        takes the mean of several networks, its logarithm. Schemes that need gradients call it,
        in their own thread, also while ``score`` is under way.
    ``batch_size: int | None``
        The most images a call, where the experiment does not say how many there are.
    ``meter(ledger: Ledger) -> None``
        For a target that costs something to ask. Called before ``score`` is: from then on, and
        before each request that it sends, the target debits the :class:`~neatfool.Ledger`. It is
        asked no image twice in a run; what is over of the budget limits the run. It may have
        ``concurrency``, how many calls at a time, each in a thread of its own.
    ``close() -> None``
        Called at the end, whatever happened, also while ``score`` is under way: it ends then.
    """

    spec: ImageSpec

    def score(self, images: Any) -> Scores | Labels:
        """Score images.

        Args:
            images: uint8 [N, C, H, W], a numpy array or a torch tensor as ``spec.array`` says. N
                is the same at each call of a run, unless the target has ``meter``. Not to be
                written to.

        Returns:
            Probabilities [N, K], and logits if there are any. A target with ``meter`` may name
            only some classes of each image instead.

        Raises:
            TargetUnavailable: It cannot be reached now; the run pauses.
        """
        ...
