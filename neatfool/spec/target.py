"""Targets: the classifiers to fool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.scores import Labels, Scores


@runtime_checkable
class Target(Protocol):
    """A classifier to fool.

    A target needs only ``spec`` and ``score``. The framework also uses these, if it has them:

    ``fingerprint() -> str``
        Text that changes when the scores change (a hash of the weights, say). A run resumes only
        if it is the same. By default it is made from the plugin's name, options and spec.
    ``self_check() -> None``
        Called once before a run. Raise :class:`~neatfool.TargetError` if the target does not
        recognise images that it should.
    ``describe() -> str``
        A few lines, printed when a run starts: what it is and how it sees images.
    ``networks: Sequence[Network]``
        The :class:`~neatfool.Network` objects that ``score`` computes with. The framework then
        chooses how they compute: threads, frozen graphs, half precision for screening. It calls
        ``score`` from other threads, perhaps several at once, with images on any device.
    ``logits_of(images) -> torch.Tensor``
        The same as ``score``, for torch to differentiate: takes floats [N, C, H, W] from 0 to 255,
        gives logits [N, K]. Log-probabilities are logits too: if ``score`` takes the mean of
        several networks, give its logarithm. Schemes that need gradients call it in their own
        thread, even during ``score``.
    ``no_gradients: str``
        Why there is no ``logits_of``, and what to do, for the message to a user who asks for
        gradients.
    ``photographs() -> Mapping[str, PIL.Image.Image]``
        A few real images, by name, that it should recognise. ``neatfool transfer`` shows them to
        several networks, to say how often these agree about something real.
    ``fit_photograph(photograph: PIL.Image.Image) -> torch.Tensor | np.ndarray``
        The target's own way to show a photograph, already upright, of any size and mode: uint8
        [C, H, W] of its spec. By default :func:`~neatfool.fit_photograph` cuts the largest middle
        part out, and resizes it.
    ``batch_size: int | None``
        The most images a call, if the experiment sets no batch size.
    ``meter(ledger: Ledger) -> None``
        For a target that costs something to ask. The framework calls it before ``score``; the
        target then debits the :class:`~neatfool.Ledger` before each request that it sends. No
        image is asked twice in a run, and the run ends when the budget does. The target may have
        ``concurrency``: how many calls at a time, each in a thread of its own.
    ``close() -> None``
        Called at the end in any case, even during ``score``, which must then stop.
    """

    spec: ImageSpec

    def score(self, images: Any) -> Scores | Labels:
        """Score images.

        Args:
            images: uint8 [N, C, H, W], a numpy array or a torch tensor as ``spec.array`` says. N
                is the same at each call of a run, unless the target has ``meter``. Do not write
                to them.

        Returns:
            Probabilities [N, K], and logits if the target has them. A target with ``meter`` may
            give :class:`Labels` instead.

        Raises:
            TargetUnavailable: The target cannot be reached now; the run pauses.
        """
        ...
