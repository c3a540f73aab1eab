"""Frozen graphs: a network traced once for a shape of batch, with its weights folded in.

On a CPU neighbouring operations can be *fused* besides: oneDNN computes a convolution together with
the activation and the sum that follow it, in one pass over memory.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.errors import TargetError
from neatfool.network.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    Run = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

_log = logging.getLogger("neatfool.network")

_CALLS_BEFORE_IT_IS_OPTIMISED: Final = 3
_ROUNDING: Final = 1e-3
"""How far the logits of a frozen network may be from its own, as a part of the largest."""
_ROUGH: Final = 0.5
"""How large the errors of half precision may be, as a part of what logits vary by."""
_AS_ROUGH: Final = 2.0
"""Or as a multiple of those that the module itself makes."""
_one_at_a_time: Final = RLock()
"""Whether graphs are fused is a switch of the whole process."""


def freeze(plain: nn.Module, images: torch.Tensor, *, exact: nn.Module, fuse: bool) -> Run | None:
    """Freeze a network for one shape of batch.

    Args:
        plain: Gives logits and probabilities [N, K] of bytes [N, C, H, W].
        images: A batch of that shape, uint8.
        exact: The same in float32: itself, or what half precision is to be near to.
        fuse: Whether to fuse operations.

    Returns:
        The same, faster; None if it cannot be had, or does not compute the same.

    Raises:
        TargetError: The module gives something else than a tensor.
    """
    noise, *batches = probes(images.shape, images.device)

    def leave(why: str) -> Run | None:
        name = type(getattr(plain, "module", plain)).__name__
        _log.info("%s: its graph is not %s: %s", name, "fused" if fuse else "frozen", why)
        return None

    try:
        with torch.no_grad(), warnings.catch_warnings(), _fusing(fuse):
            # torch.jit is no longer developed, and says so; nothing else does this on a CPU
            # without a C++ compiler.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(plain, noise, check_trace=False)  # type: ignore[no-untyped-call]
            frozen: Any = torch.jit.freeze(traced.eval())
            if fuse:
                if _fused_without_end(frozen.graph):
                    return leave("oneDNN would not come to an end with a batch normalisation of it")
                _say_strides(frozen.graph)
            frozen = _on_its_own(frozen)
            # The first calls are watched, and the code made from that: later ones are all alike.
            for _ in range(_CALLS_BEFORE_IT_IS_OPTIMISED):
                frozen(noise)
            given = torch.cat([frozen(batch)[0] for batch in batches])
    except TargetError:
        raise
    except Exception as error:  # whatever it is, the network runs as it is
        if is_out_of_memory(error):
            raise
        return leave(f"{type(error).__name__}: {error}")
    wanted = torch.cat([exact(batch)[0] for batch in batches])
    if given.shape != wanted.shape:
        return leave("its logits would have another shape")
    if exact is plain:
        same = _as_exact(given, wanted)
    else:
        rough = torch.cat([plain(batch)[0] for batch in batches])
        same = _good_enough(given, rough, wanted)
    return frozen if same else leave("it would compute something else")


def probes(shape: Sequence[int], device: torch.device) -> list[torch.Tensor]:
    """Make batches of images of many kinds, for which a module may do different things.

    They are always the same, so that what becomes of a network does not depend on what it was first
    called with.

    Args:
        shape: [N, C, H, W] of each batch.
        device: Where they are to be.

    Returns:
        uint8 batches: noise, dark noise, bright noise, and some in which kinds are mixed.
    """
    count, *image = shape
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (count, *image), generator=generator, dtype=torch.uint8)
    ramp = torch.linspace(0, 255, image[-1]).to(torch.uint8).expand(image)
    black = torch.zeros(image, dtype=torch.uint8)
    dark = noise // 4
    kinds = [black, noise[0], ramp, 255 - black, 127 + noise[0] // 64]
    mixed = [
        torch.stack([kinds[(first + place) % len(kinds)] for place in range(count)])
        for first in range(0, len(kinds), count)
    ]
    batches = [dark, 255 - dark, *mixed]
    return [batch.to(device) for batch in (noise, *batches)]


@contextmanager
def _fusing(fuse: bool) -> Iterator[None]:
    """Let graphs that are optimised meanwhile be fused, or not.

    Raises:
        RuntimeError: They are to be, and this build of torch cannot.
    """
    with _one_at_a_time:
        before = torch.jit.onednn_fusion_enabled()  # type: ignore[no-untyped-call]
        if fuse != before:
            torch.jit.enable_onednn_fusion(fuse)
        try:
            yield
        finally:
            if fuse != before:
                torch.jit.enable_onednn_fusion(before)


def _on_its_own(frozen: Any) -> Any:
    """Take a graph out of the class that torch made for it.

    That stays in a register of torch's for good, and the graph has all weights in it.
    """
    graph = frozen.graph.copy()
    try:
        graph.eraseInput(0)  # the module itself, of which nothing is left to be asked
        function = torch._C._create_function_from_graph("network", graph)
    except (AttributeError, RuntimeError):
        return frozen
    while list(frozen.graph.outputs()):
        frozen.graph.eraseOutput(0)
    for node in reversed(list(frozen.graph.nodes())):
        node.destroy()
    return function


def _fused_without_end(graph: Any) -> bool:
    """Look for what oneDNN's compiler tries to fuse for ever, taking all memory.

    That is a batch normalisation of a convolution's result that something else uses, too. (If
    nothing did, it would have been folded.)
    """
    given = (next(iter(node.inputs())).node() for node in graph.findAllNodes("aten::batch_norm"))
    return any(node.kind().startswith(("aten::_conv", "aten::conv")) for node in given)


def _say_strides(graph: Any) -> None:
    """Write out the strides of poolings, which are those of the window where none are given.

    oneDNN does not take a pooling without.
    """
    for node in graph.findAllNodes("aten::max_pool2d"):
        _, window, stride, *_ = node.inputs()
        if _is_empty(stride):
            node.replaceInput(2, window)


def _is_empty(value: Any) -> bool:
    node = value.node()
    if node.kind() == "prim::ListConstruct":
        return not list(node.inputs())
    return bool(node.kind() == "prim::Constant" and value.toIValue() == [])


def _as_exact(given: torch.Tensor, wanted: torch.Tensor) -> bool:
    largest = wanted.nan_to_num(0.0, 0.0, 0.0).abs().max().clamp(min=1.0)
    return torch.allclose(given, wanted, rtol=0, atol=_ROUNDING * float(largest), equal_nan=True)


def _good_enough(given: torch.Tensor, rough: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Tell whether logits in half precision are good enough to screen by.

    They are, if they err little compared with how a class's logits differ between images, or
    hardly more than the module itself in half precision.
    """
    error, own_error = ((each - wanted).square().mean().sqrt() for each in (given, rough))
    spread = wanted.var(0, correction=0).mean().sqrt()
    return bool((error <= _ROUGH * spread) | (error <= _AS_ROUGH * own_error))
