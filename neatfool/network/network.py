"""A torch classifier to be fooled, and the faster forms that it can take.

All recorded scores come from the *exact* form, in float32; a *screening* form computes in half
precision, two to three times as fast, to find the images that are worth an exact score.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock, RLock
from typing import Final, Literal, TypeAlias

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.network.devices import computing_on, is_gpu, pick_device
from neatfool.network.frozen_graph import Run, fold, freeze, probes
from neatfool.network.image_module import (
    ImageModule,
    ask,
    check_ready,
    name_of,
    take_over,
    try_channels_last,
    unwrap,
)
from neatfool.network.outputs import OutputFormat, find_format
from neatfool.spec.image_spec import Outputs
from neatfool.spec.scores import Scores

_log = logging.getLogger("neatfool.network")

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
_Key: TypeAlias = "tuple[Form, int, tuple[int, ...]]"
Graph: TypeAlias = Literal["eager", "frozen", "fused"]

_VARIED: Final = [0, 1, 3, 5, 7]
"""The probes that show how a module is called: noise, dark noise, black, a ramp and grey."""
_DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Form:
    """How a network computes."""

    precision: Precision = "fp32"
    """``"fp32"``, ``"bf16"`` or ``"fp16"``."""
    graph: Graph = "eager"
    """``"eager"``: as the module is written. ``"frozen"``: traced once for each shape of batch,
    with its weights folded in; a network whose results would change stays eager. ``"fused"``:
    frozen, and on a CPU oneDNN joins neighbouring operations; if that fails, only frozen."""


PLAIN: Final = Form()
"""As the module is written, in float32."""


class Network:
    """A torch classifier that takes 8-bit images.

    If a target lists its networks as ``networks``, the framework chooses their form; the target's
    ``score`` need not know. Several threads may call a network at once. All calls raise TargetError
    if the module gives no numbers [N, K], or other ones than ``outputs`` says.

    Attributes:
        device: The device that it computes on.
        mean: What it subtracts from the bytes of each channel, float32 [1, C or 1, 1, 1].
        std: What it divides them by afterwards.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] | float = 0.0,
        std: Sequence[float] | float = 255.0,
        device: str = "auto",
        outputs: Outputs | None = None,
    ) -> None:
        """Copy a module to a device; the module itself stays as it is.

        Weights that are on the device already share their memory with the module. After you change
        them, make another Network.

        Args:
            module: The classifier, in evaluation mode. It takes (image - mean) / std, float
                [N, C, H, W], and gives a tensor [N, K], or outputs that contain one: as ``logits``,
                or as the first of several.
            mean: The number to subtract from the bytes of each channel, in [0, 255].
            std: The number to divide the bytes of each channel by afterwards.
            device: ``auto`` (the GPU if there is one), or torch's name of a device.
            outputs: What it gives: ``logits``, ``probabilities``, or ``multi_label`` if classes do
                not exclude one another: logits or confidences of each class by itself. If absent,
                that is found out on varied images; see :meth:`settle`.

        Raises:
            TargetError: The module is in training mode, or ``mean`` and ``std`` do not fit bytes.
            ExperimentError: There is no such device.
        """
        module = unwrap(module)
        check_ready(module)
        self.mean, self.std = (
            torch.tensor(each, dtype=torch.float32).reshape(1, -1, 1, 1) for each in (mean, std)
        )
        if bool(((self.mean > 0) & (self.mean <= 1) & (self.std <= 1)).any()):
            both = f"mean = {self.mean.flatten().tolist()} and std = {self.std.flatten().tolist()}"
            advice = "but a Network takes bytes in [0, 255]; multiply both by 255"
            raise TargetError(f"Network: {both} are for images in [0, 1], {advice}")
        there = pick_device(device)
        module = take_over(module, there)
        self._plain = ImageModule(module, self.mean.to(there), self.std.to(there))
        self.device = self._plain.mean.device
        self._outputs = outputs
        self._reading: OutputFormat | None = None
        self._form = ContextVar("form", default=PLAIN)
        self._settling = Lock()
        self._preparing = RLock()
        self._runs: dict[_Key, Run] = {}
        self._graphs: dict[Form, set[Graph]] = {}
        self._folded: ImageModule | None = None

    @property
    def module(self) -> nn.Module:
        """The copy of the module."""
        return self._plain.module

    @property
    def form(self) -> Form:
        """The form that it computes in in this thread; plain float32 by default."""
        return self._form.get()

    @property
    def half(self) -> Precision | None:
        """The half precision in which the device is fast; None if it has none.

        A module of half or double precision has none besides its own.
        """
        if self._plain.dtype is not torch.float32:
            return None
        if is_gpu(self.device):
            return "fp16"
        if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            # A private function of torch; without it there is no screening on a CPU.
            supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", bool)
            return "bf16" if supported() else None
        return None

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits; for a module that gives probabilities, their logarithms.

        Args:
            images: uint8 [N, C, H, W], on any device.

        Returns:
            float32 [N, K], on the network's device.

        Raises:
            TargetError: The module gives no numbers [N, K], or other ones than ``outputs`` says.
        """
        return self._run(images)[0]

    def settle(self, shape: Sequence[int]) -> OutputFormat:
        """Find out how to call the module, with varied images of a shape [C, H, W].

        Channels-last layout is used if the module computes the same in it, but for rounding. A
        module that fails on several images gets one at a time. Numbers that lie between 0 and 1 are
        probabilities if an image's sum to one, else confidences of each class by itself. The first
        call with images settles this, too.

        Returns:
            How the module's numbers are read; a guess is also logged, as a warning.

        Raises:
            TargetError: The module gives no numbers [N, K], or other ones than ``outputs`` says.
        """
        with self._settling:
            if self._reading is not None:
                return self._reading
            with (
                in_form([self], PLAIN),
                torch.inference_mode(mode=False),
                torch.no_grad(),
                computing_on(self.device),
            ):
                images = torch.cat(probes((1, *shape), self.device))[_VARIED]
                inputs = self._plain.inputs(images)
                outputs = ask(self._plain, inputs)
                reading = find_format(outputs, self._outputs)
                self._plain = try_channels_last(self._plain, inputs, outputs)
            if reading.doubt:
                _log.warning("%s: %s", name_of(self._plain), reading.doubt)
            self._plain.reading = self._reading = reading
            return reading

    def describe(self) -> str:
        """Say in a line how the module is called, and what it gives; :meth:`settle` finds it."""
        whole = self._plain
        words = whole.reading.words
        parts = [f"{words} in {whole.taken}" if whole.taken else words]
        if whole.alone:
            parts.append("one image at a time")
        if whole.layout is torch.contiguous_format:
            parts.append("in contiguous layout")
        return f"{name_of(whole)}: {', '.join(parts)}"

    def score(self, images: torch.Tensor) -> Scores:
        """Compute confidences, and logits.

        Args:
            images: uint8 [N, C, H, W], on any device.

        Returns:
            Numpy arrays, float32 [N, K]: the softmax of logits, or the sigmoid for ``multi_label``.
            A module that gives probabilities has no logits.

        Raises:
            TargetError: The module gives no numbers [N, K], or other ones than ``outputs`` says.
        """
        logits, probs = self._run(images)
        if self.settle(images.shape[1:]).outputs == "probabilities":
            return Scores(probs.cpu().numpy())
        return Scores(probs.cpu().numpy(), logits.cpu().numpy())

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits in float32, for torch to differentiate by the images.

        They differ from the module's own by rounding, as batch normalisations are folded in. After
        you change the weights of :attr:`module`, call :meth:`forget`.

        Args:
            images: Floats [N, C, H, W] in the range of bytes, 0 to 255, on any device.

        Returns:
            float32 [N, K], on the network's device.
        """
        self.settle(images.shape[1:])
        logits: torch.Tensor = self._fold(images.shape)(images.to(self.device))[0]
        return logits

    def graphs(self, form: Form) -> frozenset[Graph]:
        """Give the graphs that the network really used in a form, over all shapes of batches."""
        return frozenset(self._graphs.get(form, ()))

    def forget(self) -> None:
        """Free the graphs that were made so far, and their memory."""
        with self._preparing:
            self._runs.clear()
            self._folded = None
        if is_gpu(self.device):
            torch.get_device_module(self.device).empty_cache()

    @torch.inference_mode()
    def _run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Another thread breeds meanwhile and holds Python's lock nearly all the time. So as much
        # as possible is one call of a frozen graph, which needs no lock.
        device = self.device
        if images.device != device:
            images = images.to(device, non_blocking=True)
        # A fused graph always uses the number of cores that it was made with.
        key = self.form, torch.get_num_threads(), tuple(images.shape)
        with computing_on(device):
            return (self._runs.get(key) or self._prepare_once(key, images))(images)

    def _prepare_once(self, key: _Key, images: torch.Tensor) -> Run:
        self.settle(images.shape[1:])
        with self._preparing:
            if key not in self._runs:
                self._runs[key] = self._prepare(self.form, images)
            return self._runs[key]

    def _prepare(self, form: Form, images: torch.Tensor) -> Run:
        plain = exact = self._plain
        if form.precision != "fp32":
            whole = exact if form.graph == "eager" else self._fold(images.shape)
            plain = whole.in_precision(_DTYPES[form.precision])
        graph: Graph = "eager"
        run: Run | None = None
        # A graph of one image at a time would repeat the module for each image of the batch.
        if form.graph != "eager" and not plain.alone:
            if form.graph == "fused" and images.device.type == "cpu":
                graph, run = "fused", freeze(plain, images, exact=exact, fuse=True)
            if run is None:
                graph, run = "frozen", freeze(plain, images, exact=exact, fuse=False)
        self._graphs.setdefault(form, set()).add(graph if run else "eager")
        return run or plain

    def _fold(self, shape: torch.Size) -> ImageModule:
        """Fold batch normalisations into convolutions, once."""
        with self._preparing:
            if self._folded is None:
                with torch.inference_mode(mode=False), torch.no_grad():
                    images = probes((2, *shape[1:]), self.device)
                    self._folded = fold(self._plain, [self._plain.inputs(each) for each in images])
            return self._folded


@contextmanager
def in_form(networks: Sequence[Network], form: Form) -> Iterator[None]:
    """Let networks compute in another form in this thread."""
    before = [network._form.set(form) for network in networks]
    try:
        yield
    finally:
        for network, form_before in zip(networks, before, strict=True):
            network._form.reset(form_before)
