"""A second device that computes, in Python, for machines without a GPU.

PyTorch lets a backend be written in Python (``torch.utils.backend_registration``, an experimental
function; run with PyTorch 2.13). This one, ``twin``, has two devices. A tensor there wraps one on
the CPU, which holds its numbers and does the work; so results are those of the CPU to the bit. As
on a GPU, operations refuse tensors of several devices, ``numpy()`` refuses a tensor of the device,
and a copy to the CPU waits for it: ``waits`` counts what does.

It shows which tensors are where. It does not show what only a GPU has: its memory, streams, pinned
copies, and its own rounding.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map

NAME = "twin"
_aten = torch.ops.aten
_COPIES = {_aten.copy_.default, _aten._to_copy.default}
_TAKE_PLACES = {_aten.index.Tensor, _aten.index_put.default, _aten._index_put_impl_.default}

waits: Counter[str] = Counter()
"""How often each operation waited for the device since it was cleared."""


class _Module(backend_registration._DummyBackendModule):
    """What ``torch.twin`` is; without ``present`` there seems to be no such device."""

    present = False

    def is_available(self) -> bool:
        return self.present

    def device_count(self) -> int:
        return 2 if self.present else 0

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        yield

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.float16]

    def empty_cache(self) -> None:
        pass


class _Twin(torch.Tensor):
    """A tensor of the device: ``on_cpu`` has its numbers."""

    on_cpu: torch.Tensor

    @staticmethod
    def __new__(cls, on_cpu: torch.Tensor, device: torch.device):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            on_cpu.size(),
            strides=on_cpu.stride(),
            storage_offset=on_cpu.storage_offset(),
            dtype=on_cpu.dtype,
            device=torch.device(device.type, device.index or 0),
        )
        made.on_cpu = on_cpu
        return made

    def new_tensor(self, data: Any) -> torch.Tensor:
        # PyTorch makes it on the current device, which a GPU's guard sets to the tensor's own.
        return torch.tensor(data, dtype=self.dtype, device=self.device)

    def tolist(self) -> Any:
        waits["tolist"] += 1
        return self.on_cpu.tolist()

    @classmethod
    def __torch_dispatch__(
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        # In inference mode PyTorch hands over operations that consist of others, such as ``to``.
        result = operation.decompose(*args, **kwargs or {})
        return _compute(operation, args, kwargs or {}) if result is NotImplemented else result


def _compute(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do an operation on the CPU, and give its tensors on the device."""
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
    there = [each for each in tensors if isinstance(each, _Twin)]
    _check(operation, tensors, there)
    device = kwargs.get("device")
    device = there[0].device if device is None else torch.device(device)
    own = {**kwargs, **({"device": "cpu"} if "device" in kwargs else {})}
    result = operation(*tree_map(_numbers, args), **tree_map(_numbers, own))
    if device.type == "cpu":
        waits[str(operation)] += 1
        return result
    known = {id(each.on_cpu): each for each in there}
    if operation is _aten.copy_.default:
        waits[str(operation)] += not isinstance(args[0], _Twin)
        return args[0]

    def wrap(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return known.get(id(value)) if id(value) in known else _Twin(value, device)

    if operation is _aten._local_scalar_dense.default:
        waits[str(operation)] += 1
    return tree_map(wrap, result)


def _check(operation: Any, tensors: list[torch.Tensor], there: list[_Twin]) -> None:
    places = {str(each.device) for each in there}
    # As on a GPU, a number on the CPU goes with any tensor, copies go anywhere, and places that are
    # picked may be on the CPU.
    if not (operation in _TAKE_PLACES and isinstance(tensors[0], _Twin)):
        places |= {"cpu" for each in tensors if not isinstance(each, _Twin) and each.dim()}
    if len(places) > 1 and operation not in _COPIES:
        raise RuntimeError(f"{operation}: tensors on {' and '.join(sorted(places))}")


def _numbers(value: Any) -> Any:
    return value.on_cpu if isinstance(value, _Twin) else value


def _empty(
    size: Any, *, device: Any, dtype: Any = None, memory_format: Any = None, **_: Any
) -> _Twin:
    memory_format = torch.contiguous_format if memory_format is None else memory_format
    return _Twin(torch.empty(size, dtype=dtype, memory_format=memory_format), torch.device(device))


def _empty_strided(size: Any, stride: Any, *, device: Any, dtype: Any = None, **_: Any) -> _Twin:
    return _Twin(torch.empty_strided(size, stride, dtype=dtype), torch.device(device))


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> Any:
    return _compute(_aten.copy_.default, (target, source), {"non_blocking": non_blocking})


@cache
def register() -> tuple[_Module, list[torch.library.Library]]:
    """Make the device known to this process; it is out of sight until it is switched on."""
    module = _Module()
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=module)
    library = torch.library.Library("aten", "IMPL")
    library.impl("empty.memory_format", _empty, "PrivateUse1")
    library.impl("empty_strided", _empty_strided, "PrivateUse1")
    library.impl("_copy_from", _copy_from, "PrivateUse1")
    others = torch.library.Library("_", "IMPL")
    others.fallback(lambda each, *args, **kwargs: _compute(each, args, kwargs), "PrivateUse1")
    others.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    return module, [library, others]


@contextmanager
def second_device() -> Iterator[str]:
    """Give the name of the device, and let PyTorch find it meanwhile."""
    module, _ = register()
    module.present = True
    pin: Callable[..., torch.Tensor] = torch.Tensor.pin_memory
    torch.Tensor.pin_memory = lambda self: self  # type: ignore[method-assign]
    waits.clear()
    try:
        yield NAME
    finally:
        module.present = False
        torch.Tensor.pin_memory = pin  # type: ignore[method-assign]
