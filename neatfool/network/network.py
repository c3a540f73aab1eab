"""A torch classifier to be fooled, and the faster forms that it can take.

The *exact* form computes in float32; all recorded scores come from it. A *screening* form computes
in half precision. It is two to three times as fast on a processor or GPU that has half precision,
and good enough to find the images that are worth an exact score.
"""

from __future__ import annotations

import copy
import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.network.devices import pick_devices
from neatfool.network.folding import fold
from neatfool.network.frozen_graph import freeze, probes
from neatfool.network.gpu import computing_on
from neatfool.network.malloc import keep_freed_memory
from neatfool.network.memory import is_out_of_memory
from neatfool.network.pointwise import multiply_pointwise
from neatfool.network.sparing import Sparing
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neatfool.network.frozen_graph import Run

_log = logging.getLogger("neatfool.network")

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
_Key: TypeAlias = "tuple[Form, int, int, tuple[int, ...]]"
Graph: TypeAlias = Literal["eager", "frozen", "fused", "compiled"]

_DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Form:
    """How a network computes.

    Attributes:
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        graph: ``"eager"``: as the module is written. ``"frozen"``: traced once for each shape of
            batch, with its weights folded in; a network whose results would change stays eager.
            ``"fused"``: frozen, and on a CPU oneDNN joins neighbouring operations; if that fails,
            only frozen. ``"compiled"``: by ``torch.compile``, which takes up to minutes and needs
            a compiler (C++ on a CPU); on a GPU it replays the whole graph at once.
    """

    precision: Precision = "fp32"
    graph: Graph = "eager"


PLAIN: Final = Form()
"""As the module is written, in float32."""


class Network:
    """A torch classifier that takes 8-bit images.

    If a target lists its networks as ``networks``, the framework chooses their form; the target's
    ``score`` need not know. Several threads may call a network at once. With several devices, each
    has a replica of the module.

    Attributes:
        devices: The devices that it computes on, all of one kind.
        module: The module, on the first device.
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
    ) -> None:
        """Move a module to its devices, in channels-last layout, where convolutions run fast.

        Args:
            module: The classifier, in evaluation mode. It takes (image - mean) / std, float
                [N, C, H, W], and gives logits [N, K].
            mean: The number to subtract from the bytes of each channel, in [0, 255].
            std: The number to divide the bytes of each channel by afterwards.
            device: ``auto`` (all GPUs, or the CPU if there is none), or one or several of torch's
                devices: ``cpu``, ``cuda:1``, ``cuda:0, cuda:2``.

        Raises:
            TargetError: The module is in training mode, or ``mean`` and ``std`` do not fit bytes,
                or several devices were named and the module cannot be copied.
            ExperimentError: There is no such device.
        """
        if any(each.training for each in module.modules()):
            raise TargetError(
                f"{type(module).__name__} is in training mode, where its scores change from call "
                "to call; call .eval() on it first"
            )
        self.mean, self.std = _per_channel(mean), _per_channel(std)
        _check_scale(self.mean, self.std)
        keep_freed_memory()
        devices = pick_devices(device)
        self.module = _channels_last(module.to(devices[0]))
        self._replicas = [self.module, *_copy_to(devices[1:], self.module, device)]
        self.devices = devices[: len(self._replicas)]
        self._form = ContextVar("form", default=PLAIN)
        self._place = ContextVar("place", default=0)
        self._preparing = Lock()
        self._runs: dict[_Key, Run] = {}
        self._graphs: dict[Form, set[Graph]] = {}
        self._folding = Lock()
        self._folded_modules: dict[int, nn.Module] = {}
        self._differentiable_forms: dict[int, _FromBytes] = {}

    @property
    def device(self) -> torch.device:
        """The device that it computes on in this thread; the first by default."""
        return self.devices[self._place.get()]

    @property
    def form(self) -> Form:
        """The form that it computes in in this thread; plain float32 by default."""
        return self._form.get()

    @property
    def half(self) -> Precision | None:
        """The half precision in which the device is fast; None if it has none."""
        if self.device.type == "cuda":
            return "fp16"
        if self.device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else None
        return None

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits.

        Args:
            images: uint8 [N, C, H, W], on any device.

        Returns:
            float32 [N, K], on the network's device.

        Raises:
            TargetError: The module gives something else than a tensor.
        """
        return self._run(images)[0]

    def score(self, images: torch.Tensor) -> Scores:
        """Compute logits and their softmax.

        Args:
            images: uint8 [N, C, H, W], on any device.

        Returns:
            Numpy arrays, float32 [N, K].

        Raises:
            TargetError: The module gives something else than a tensor.
        """
        logits, probs = self._run(images)
        if self.device.type != "cpu":
            logits, probs = logits.cpu(), probs.cpu()
        return Scores(probs.numpy(), logits.numpy())

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits in float32, for torch to differentiate by the images.

        They differ from the module's own by rounding, as batch normalisations are folded in. After
        you change the module's weights, call :meth:`forget`.

        Args:
            images: Floats [N, C, H, W] in the range of bytes, 0 to 255, on any device.

        Returns:
            float32 [N, K], on the network's device.

        Raises:
            TargetError: The module gives something else than a tensor.
        """
        form = self._differentiable(images.shape)
        with Sparing():
            logits: torch.Tensor = form(images.to(self.device))[0]
        return logits

    def graphs(self, form: Form) -> frozenset[Graph]:
        """Give the graphs that the network really used in a form, over all shapes of batches."""
        return frozenset(self._graphs.get(form, ()))

    def forget_graphs(self, form: Form, batch: int) -> None:
        """Free the graphs that were made in a form for batches of one size, and their memory."""
        with self._preparing:
            for key in [key for key in self._runs if (key[0], key[3][0]) == (form, batch)]:
                del self._runs[key]

    def forget(self) -> None:
        """Free the graphs that were made so far, and their memory."""
        with self._preparing:
            self._runs.clear()
            self._folded_modules.clear()
            self._differentiable_forms.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Another thread breeds meanwhile and holds Python's lock nearly all the time. So as much
        # as possible is one call of a frozen graph, which needs no lock.
        device = self.device
        if images.device != device:
            images = images.to(device, non_blocking=True)
        # A fused graph always uses the number of cores that it was made with.
        key = self.form, self._place.get(), torch.get_num_threads(), tuple(images.shape)
        with computing_on(device):
            return (self._runs.get(key) or self._prepare_once(key, images))(images)

    def _prepare_once(self, key: _Key, images: torch.Tensor) -> Run:
        with self._preparing:
            if key not in self._runs:
                self._runs[key] = self._prepare(self.form, images)
            return self._runs[key]

    def _prepare(self, form: Form, images: torch.Tensor) -> Run:
        exact = self._plain("fp32")
        plain = exact if form.precision == "fp32" else self._plain(form.precision)
        if plain is not exact and form.graph in {"frozen", "fused"}:
            plain = self._fold(form.precision, images.shape)
        graph, run = _make_graph(form.graph, plain, exact, images)
        self._graphs.setdefault(form, set()).add(graph)
        return run

    def _plain(self, precision: Precision) -> _FromBytes:
        return self._from_bytes(self._replicas[self._place.get()], precision)

    def _fold(self, precision: Precision, shape: torch.Size) -> _FromBytes:
        """Fold batch normalisations into convolutions, once for each device."""
        place = self._place.get()
        with self._folding:
            module = self._folded_modules.get(place)
            if module is None:
                with torch.inference_mode(mode=False), torch.no_grad():
                    plain = self._plain("fp32")
                    batches = self._varied_numbers(plain, shape)
                    module = self._folded_modules[place] = fold(plain.module, batches)
        return self._from_bytes(module, precision)

    def _differentiable(self, shape: torch.Size) -> _FromBytes:
        """Give the form whose gradients are computed fastest, made once for each device."""
        place = self._place.get()
        folded = self._fold("fp32", shape)
        with self._folding:
            if place not in self._differentiable_forms:
                if self.device.type == "cpu":
                    batches = self._varied_numbers(folded, shape)
                    folded.module = multiply_pointwise(folded.module, batches)
                self._differentiable_forms[place] = folded
            return self._differentiable_forms[place]

    def _varied_numbers(self, form: _FromBytes, shape: torch.Size) -> list[torch.Tensor]:
        return [form.numbers(batch) for batch in probes((2, *shape[1:]), self.device)]

    def _from_bytes(self, module: nn.Module, precision: Precision) -> _FromBytes:
        whole = _FromBytes(module, self.mean, self.std, _DTYPES[precision])
        return whole.to(self.device).eval()


@contextmanager
def in_form(networks: Sequence[Network], form: Form, place: int = 0) -> Iterator[None]:
    """Let networks compute in another form, and on device number ``place``, in this thread."""
    before = [(network._form.set(form), network._place.set(place)) for network in networks]
    try:
        yield
    finally:
        for network, (form_before, place_before) in zip(networks, before, strict=True):
            network._form.reset(form_before)
            network._place.reset(place_before)


def _copy_to(devices: Sequence[torch.device], module: nn.Module, given: str) -> list[nn.Module]:
    """Copy a module to devices. Failing to copy is an error only if the user named them."""
    try:
        return [_channels_last(copy.deepcopy(module).to(device)) for device in devices]
    except Exception as error:  # Any module may come.
        if given in {"auto", "cuda"} and not is_out_of_memory(error):
            _log.warning(
                "%s: computes on one device of %d, because it cannot be copied (%s: %s)",
                type(module).__name__,
                len(devices) + 1,
                type(error).__name__,
                error,
            )
            return []
        raise TargetError(
            f"{type(module).__name__} cannot be copied to {', '.join(map(str, devices))} "
            f"({type(error).__name__}: {error}); give one device"
        ) from error


class _FromBytes(nn.Module):
    """A module that takes bytes, and gives logits and probabilities."""

    def __init__(
        self, module: nn.Module, mean: torch.Tensor, std: torch.Tensor, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.module = module
        self.dtype = dtype
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def numbers(self, images: torch.Tensor) -> torch.Tensor:
        """Turn bytes into the module's input."""
        images = images.contiguous(memory_format=torch.channels_last)
        return (images.float() - self.mean) / self.std

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = self.numbers(images)
        half = self.dtype is not torch.float32
        # Autocast keeps the weights, and operations that need it, in float32. Its cache of weights
        # would be wrong in a traced graph.
        with torch.autocast(images.device.type, self.dtype, enabled=half, cache_enabled=False):
            logits = self.module(numbers)
        if not isinstance(logits, torch.Tensor):
            raise TargetError(
                f"{type(self.module).__name__} gives {type(logits).__name__}, not a tensor of "
                "logits; pass a callable that returns probabilities instead"
            )
        logits = logits.float()
        return logits, logits.softmax(-1)


def _per_channel(numbers: Sequence[float] | float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(1, -1, 1, 1)


def _check_scale(mean: torch.Tensor, std: torch.Tensor) -> None:
    if bool(((mean > 0) & (mean <= 1) & (std <= 1)).any()):
        raise TargetError(
            f"Network: mean = {mean.flatten().tolist()} and std = {std.flatten().tolist()} are for "
            "images in [0, 1], but a Network takes bytes in [0, 255]; multiply both by 255"
        )


def _channels_last(module: nn.Module) -> nn.Module:
    # Some versions of torch declare no `memory_format` here.
    changed: nn.Module = cast("Any", module).to(memory_format=torch.channels_last)
    return changed


def _make_graph(
    wanted: Graph, plain: _FromBytes, exact: _FromBytes, images: torch.Tensor
) -> tuple[Graph, Run]:
    """Make the wanted graph; if that fails, the next simpler one."""
    if wanted == "compiled":
        return wanted, _compile(plain)
    if wanted == "fused" and images.device.type == "cpu":
        fused = freeze(plain, images, exact=exact, fuse=True)
        if fused is not None:
            return "fused", fused
    if wanted in {"fused", "frozen"}:
        frozen = freeze(plain, images, exact=exact, fuse=False)
        if frozen is not None:
            return "frozen", frozen
    return "eager", plain


def _compile(plain: _FromBytes) -> Run:
    mode = "reduce-overhead" if plain.mean.device.type == "cuda" else "default"
    compiled: Run = torch.compile(plain, mode=mode, dynamic=False)

    def run(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # The next replay overwrites the results of this one.
        logits, probs = compiled(images)
        return logits.clone(), probs.clone()

    return run
