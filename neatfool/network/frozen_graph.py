"""Networks made faster: frozen graphs, and folded normalisations.

A graph is traced once for a shape of batch, with its weights folded in. On a CPU it can also be
*fused*: oneDNN joins neighbouring operations. Batch normalisations are folded into the convolutions
before them.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final, cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from neatfool.network.image_module import ImageModule, UnlikeError, agree, attempt

Run = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

_ROUGH: Final = 0.5
"""The largest error of half precision, as a part of the spread of logits between images."""
_AS_ROUGH: Final = 2.0
"""Or the largest error as a multiple of that of the unfrozen module in half precision."""
_one_at_a_time: Final = RLock()
"""Guards torch's switch for fusing, which holds for the whole process."""


def freeze(plain: nn.Module, images: torch.Tensor, *, exact: nn.Module, fuse: bool) -> Run | None:
    """Freeze a network for a shape of images, and perhaps fuse it; None unless it agrees."""
    lack = f"its graph is not {'fused' if fuse else 'frozen'}"
    return attempt(plain, lack, lambda: _freeze(plain, images, exact, fuse=fuse))


def _freeze(plain: nn.Module, images: torch.Tensor, exact: nn.Module, *, fuse: bool) -> Run:
    """Trace and freeze ``plain``; its logits of probes must be near those of ``exact``."""
    noise, *batches = probes(images.shape, images.device)
    with torch.no_grad(), warnings.catch_warnings(), _fusing(fuse):
        # torch.jit warns that it is deprecated, but nothing else works without a C++ compiler.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(plain, noise, check_trace=False)  # type: ignore[no-untyped-call]
        frozen: Any = torch.jit.freeze(traced.eval())
        if fuse:
            _refuse_to_fuse_forever(frozen.graph)
            _write_strides(frozen.graph)
        frozen = _detach(frozen)
        # Torch profiles the first calls and optimises from them; later calls are all alike.
        for _ in range(3):
            frozen(noise)
        given = torch.cat([frozen(batch)[0] for batch in batches])
    wanted = torch.cat([exact(batch)[0] for batch in batches])
    if not agree(given, wanted):
        # In half precision they never agree; screening needs less.
        if exact is plain or given.shape != wanted.shape:
            raise UnlikeError
        _require_small_error(given, wanted, torch.cat([plain(batch)[0] for batch in batches]))
    return cast("Run", frozen)


def _require_small_error(given: torch.Tensor, wanted: torch.Tensor, rough: torch.Tensor) -> None:
    """Compare logits with the exact ones, [N, K] each, and with the unfrozen module's rough ones.

    Screening allows an error that is small compared with the spread of a class's logits between
    images, or not much larger than that of the unfrozen module in half precision.
    """
    error, rough_error = ((each - wanted).square().mean().sqrt() for each in (given, rough))
    spread = wanted.var(0, correction=0).mean().sqrt()
    if not (error <= _ROUGH * spread or error <= _AS_ROUGH * rough_error):
        raise UnlikeError


def probes(shape: Sequence[int], device: torch.device) -> list[torch.Tensor]:
    """Make noise, dark noise, bright noise, and mixtures, uint8 [N, C, H, W], always the same."""
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
    """Switch fusing on or off for the graphs that torch optimises in the block."""
    with _one_at_a_time:
        before = torch.jit.onednn_fusion_enabled()  # type: ignore[no-untyped-call]
        if fuse != before:  # Builds without oneDNN refuse even to leave it off.
            torch.jit.enable_onednn_fusion(fuse)
        try:
            yield
        finally:
            if fuse != before:
                torch.jit.enable_onednn_fusion(before)


def _detach(frozen: Any) -> Any:
    """Take a graph out of the class that torch made for it, and never deletes with its weights."""
    graph = frozen.graph.copy()
    try:
        graph.eraseInput(0)  # The module itself, which the frozen graph no longer uses.
        function = torch._C._create_function_from_graph("network", graph)
    except (AttributeError, RuntimeError):
        return frozen
    while list(frozen.graph.outputs()):
        frozen.graph.eraseOutput(0)
    for node in reversed(list(frozen.graph.nodes())):
        node.destroy()
    return function


def _refuse_to_fuse_forever(graph: Any) -> None:
    """Look for a pattern that oneDNN's compiler tries to fuse for ever, taking all memory."""
    # The normalisation of a convolution's result that something else uses; others are folded.
    given = (next(iter(node.inputs())).node() for node in graph.findAllNodes("aten::batch_norm"))
    if any(node.kind().startswith(("aten::_conv", "aten::conv")) for node in given):
        raise UnlikeError("oneDNN would not come to an end with a batch normalisation of it")


def _write_strides(graph: Any) -> None:
    """Write out the default strides of poolings (the window), as oneDNN needs them."""
    for node in graph.findAllNodes("aten::max_pool2d"):
        _, window, stride, *_ = node.inputs()
        made = stride.node()
        is_empty = made.kind() == "prim::ListConstruct" and not list(made.inputs())
        if is_empty or (made.kind() == "prim::Constant" and stride.toIValue() == []):
            node.replaceInput(2, window)


def fold(module: ImageModule, batches: Sequence[torch.Tensor]) -> ImageModule:
    """Fold batch normalisations right after convolutions, in a copy that agrees on ``batches``."""

    def folded() -> ImageModule:
        names = {each: name for name, each in module.named_modules()}
        pairs = _find_pairs(module, batches[0].clone())
        made = copy.deepcopy(module) if pairs else module
        for convolution, normalisation in pairs.items():
            # timm's normalisations end with an activation.
            rest = [getattr(normalisation, name, None) for name in ("drop", "act")]
            left = nn.Sequential(*(part for part in rest if isinstance(part, nn.Module)))
            made.set_submodule(names[convolution], fuse_conv_bn_eval(convolution, normalisation))
            made.set_submodule(names[normalisation], left)
        # Clones, as a module may write to its input.
        for batch in batches if pairs else ():
            if not agree(made.outputs(batch.clone()), module.outputs(batch.clone())):
                raise UnlikeError
        return made

    with torch.no_grad():
        return attempt(module, "its normalisations are not folded", folded) or module


def _find_pairs(module: ImageModule, inputs: torch.Tensor) -> Mapping[nn.Conv2d, nn.BatchNorm2d]:
    """Watch a call for normalisations whose input is a convolution's result."""
    made_by: dict[int, tuple[nn.Conv2d, Any]] = {}
    pairs: dict[nn.Conv2d, nn.BatchNorm2d] = {}

    def convolved(convolution: Any, _given: Any, result: Any) -> None:
        # Keeping the result keeps its id from being used again.
        made_by[id(result)] = convolution, result

    def normalised(normalisation: Any, given: Any, _result: Any) -> None:
        if id(given[0]) in made_by:
            pairs[made_by[id(given[0])][0]] = normalisation

    hooks = [
        each.register_forward_hook(convolved if isinstance(each, nn.Conv2d) else normalised)
        for each in module.modules()
        if isinstance(each, nn.Conv2d | nn.BatchNorm2d)
    ]
    try:
        module.outputs(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs
