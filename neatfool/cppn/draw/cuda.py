"""Draws tapes on an NVIDIA GPU: compiles the kernel when it is first needed, and launches it.

It needs the package ``cuda-bindings``, the extra ``cuda``. The kernel is compiled once for each
colour map and kind of GPU in a process, never for a genome.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import torch

from neatfool.cppn.activations import BUILT_IN, BY_CODE, Activation
from neatfool.cppn.draw.colour import COLOUR_MAPS, ColourMap
from neatfool.cppn.draw.glsl import ELEMENTARY, FUNCTIONS, declare, fill
from neatfool.cppn.jit import outer
from neatfool.cppn.tape import Tape
from neatfool.errors import ExperimentError

THREADS: Final = 128
"""The pixels of a block, if the values of their nodes fit its fast memory; else fewer."""
LEAST_THREADS: Final = 32
"""A warp: with fewer threads a part of the GPU would rest."""
REGISTERS: Final = 48
"""The most registers of a thread, so that many blocks fit a processor of the GPU."""


def can_launch(kind: str) -> bool:
    """Tell whether a kind of device is ``cuda`` of NVIDIA's, and the extra ``cuda`` works."""
    if kind != "cuda" or torch.version.hip is not None:
        return False
    try:
        from cuda.bindings import driver, nvrtc

        return not any(int(each[0]) for each in (driver.cuInit(0), nvrtc.nvrtcVersion()))
    except (ImportError, RuntimeError):  # a package or NVIDIA's own library is missing
        return False


def draw_on_gpu(
    tape: Tape, inputs: torch.Tensor, colours: ColourMap, device: torch.device
) -> torch.Tensor:
    """Draw N genomes at P points: uint8 [N, C, P]. The work is queued, and not waited for.

    The inputs are float32 [1 or 3, I, P] on the device, with derivatives if nodes fade.
    """
    arrays, slots = allocate(tape)
    tables, _, points = inputs.shape
    images = torch.empty(len(tape), colours.channels, points, dtype=torch.uint8, device=device)
    sent = [torch.from_numpy(each).to(device) for each in arrays]
    custom = tuple(sorted({*tape.nodes[: tape.size, 0].tolist()} - {*range(len(BUILT_IN))}))
    kernel, most = load_kernel(device.index or 0, colours.name, custom, limited=tables > 1)
    threads = THREADS
    while (size := slots * tables * 4 * threads) > most and threads > LEAST_THREADS:
        threads //= 2
    if size > most:
        raise ExperimentError(
            f"a CPPN needs {slots} values of nodes at once, which do not fit a GPU's fast memory; "
            "set [encoding] renderer = plain"
        )
    addresses = [*(each.data_ptr() for each in (*sent, inputs)), tape.inputs, points]
    launch(
        kernel,
        [*addresses, images.data_ptr()],
        blocks=(-(-points // threads), len(tape)),
        threads=threads,
        shared=size,
        stream=torch.cuda.current_stream(device).cuda_stream,
    )
    return images


def allocate(tape: Tape) -> tuple[list[np.ndarray], int]:
    """Give a tape's arrays, bounds to outputs, with slots for rows; and how many are needed."""
    terms = int(tape.nodes[: tape.size, 2].max(initial=0))
    nodes, sources = tape.nodes[: tape.size, :4].copy(), tape.sources[:terms].copy()
    outputs, scratch = tape.outputs.copy(), np.empty((3, tape.rows + 1), np.int64)
    slots = allocate_slots((tape.bounds, nodes, sources, outputs), tape.inputs, scratch)
    biases, factors = tape.biases[: tape.size], tape.factors[:terms]
    return [tape.bounds.astype(np.int32), nodes, biases, sources, factors, outputs], int(slots)


@outer
def allocate_slots(tape: tuple[np.ndarray, ...], inputs: int, scratch: np.ndarray) -> int:
    """Write slots, as few as possible, over the rows of a tape's nodes, terms and outputs.

    A GPU's fast memory is small. A slot is free again after the last node that reads it. The
    scratch is int64 [3, R], more than the rows of any genome. Give how many are used at once.
    """
    bounds, nodes, sources, outputs = tape
    most = inputs
    last, slots, free = scratch[0], scratch[1], scratch[2]
    for genome in range(len(outputs)):
        begin, end = bounds[genome], bounds[genome + 1]
        for place in range(begin, end):
            for term in range(nodes[place, 1], nodes[place, 2]):
                last[sources[term]] = place
        for output in range(outputs.shape[1]):
            last[outputs[genome, output]] = end
        used, many = inputs, 0
        for row in range(inputs):
            slots[row] = row
        for place in range(begin, end):
            for term in range(nodes[place, 1], nodes[place, 2]):
                row = sources[term]
                sources[term] = slots[row]
                if last[row] == place:
                    last[row] = -1
                    free[many] = slots[row]
                    many += 1
            row = nodes[place, 3]
            if many:
                many -= 1
                slots[row] = free[many]
            else:
                slots[row] = used
                used += 1
            nodes[place, 3] = slots[row]
        for output in range(outputs.shape[1]):
            outputs[genome, output] = slots[outputs[genome, output]]
        most = max(most, used)
    return most


_KINDS: Final = [ctypes.c_void_p] * 7 + [ctypes.c_int] * 2 + [ctypes.c_void_p]
"""The arguments of the kernel."""


def launch(
    kernel: Any,
    arguments: Sequence[int],
    *,
    blocks: tuple[int, int],
    threads: int,
    shared: int,
    stream: int,
) -> None:
    """Queue the kernel."""
    from cuda.bindings import driver

    given = tuple(arguments), tuple(_KINDS)
    _check(driver.cuLaunchKernel(kernel, *blocks, 1, threads, 1, 1, shared, stream, given, 0))


@cache
def load_kernel(
    device: int, colour_map: str, custom: tuple[int, ...] = (), *, limited: bool
) -> tuple[Any, int]:
    """Compile the kernel for a GPU; give it, and how many bytes of fast memory a block may have."""
    from cuda.bindings import driver

    kind = driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    major, minor = torch.cuda.get_device_capability(device)
    with torch.cuda.device(device):
        module = _check(
            driver.cuModuleLoadData(
                compile_kernel(colour_map, f"{major}{minor}", custom, limited=limited)
            )
        )
        kernel = _check(driver.cuModuleGetFunction(module, b"draw"))
        most = int(_check(driver.cuDeviceGetAttribute(kind, device)))
    may = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    _check(driver.cuFuncSetAttribute(kernel, may, most))
    return kernel, most


def compile_kernel(
    colour_map: str,
    architecture: str,
    custom: tuple[int, ...] = (),
    *,
    limited: bool,
    virtual: bool = False,
) -> bytes:
    """Compile the kernel for an architecture, such as ``90``; no GPU is needed.

    Give machine code, or PTX if ``virtual``. If the source is wrong, a RuntimeError says so.
    """
    from cuda.bindings import nvrtc

    source = write_source(colour_map, custom, limited=limited).encode()
    program = _check(nvrtc.nvrtcCreateProgram(source, b"kernel.cu", 0, [], []))
    kind = "compute" if virtual else "sm"
    options = [f"--gpu-architecture={kind}_{architecture}", f"--maxrregcount={REGISTERS}"]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [o.encode() for o in options])
    if int(status):
        log = b" " * _check(nvrtc.nvrtcGetProgramLogSize(program))
        nvrtc.nvrtcGetProgramLog(program, log)
        raise RuntimeError(log.rstrip(b"\0 ").decode())
    read_size, read = (
        (nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
        if virtual
        else (nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN)
    )
    code = b" " * _check(read_size(program))
    _check(read(program, code))
    return bytes(code.rstrip(b"\0")) if virtual else bytes(code)


def _check(answer: tuple[Any, ...]) -> Any:
    """Give what a function of CUDA answers, without its status."""
    status, *values = answer
    if int(status):
        raise RuntimeError(f"CUDA: {status!r}")
    return values[0] if values else None


_FUNCTIONS: Final = {
    **FUNCTIONS,
    "Min": "fminf",
    "Max": "fmaxf",
    "Abs": "fabsf",
    "Sqrt": "sqrtf",
    "Rsqrt": "inverse_root",
}

_FLOAT: Final = re.compile(r"(?<![\w.])(\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)(?![\w.])")


@cache
def write_source(colour_map: str, custom: tuple[int, ...] = (), *, limited: bool) -> str:
    """Write the kernel for pictures of a colour map, limited if nodes fade, else of points.

    ``custom`` are the codes of activations that it knows beside neatfool's own.
    """
    colours = COLOUR_MAPS[colour_map]
    names = [f"given[{place}]" for place in range(colours.outputs)]
    given = [f"{name}.{part}" for part in "xyz" for name in names] if limited else names
    argument = ["z.x", "z.y", "z.z"] if limited else ["z"]
    known = {code: BY_CODE[code] for code in (*range(len(BUILT_IN)), *custom)}

    def write(head: str, result: str, made: Activation | ColourMap, names: list[str]) -> str:
        formula = made.within_reach if limited else made.at_points
        return _in_c(declare(head, result, formula, names, _FUNCTIONS))

    return fill(
        "kernel.cu.j2",
        colours=colours,
        limited=limited,
        elementary=_in_c(ELEMENTARY),
        names={code: each.name for code, each in known.items()},
        activations=[
            write(f"Number act_{each.name}(Number z)", "Number{{{all}}}", each, argument)
            for each in known.values()
        ],
        paint=write("Colour colour(const Number *given)", "Colour{{{{{all}}}}}", colours, given),
    )


def _in_c(code: str) -> str:
    """Turn functions in GLSL into those of CUDA C: floats end with f, and run on the GPU."""
    code = _FLOAT.sub(r"\1f", code).replace("floor(", "floorf(")
    return re.sub(r"^(?=(?:float|Number|Colour) \w+\()", "__device__ ", code, flags=re.M)
