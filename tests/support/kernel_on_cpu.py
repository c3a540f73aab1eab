"""The kernel for a GPU, compiled by a C++ compiler, in place of CUDA's driver."""

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import pytest

from neatfool.cppn.draw.cuda import write_source

HEADER = Path(__file__).parents[1] / "cppn" / "draw" / "on_cpu.h"
SHARED = 99 << 10
"""What a block of most GPUs may have."""

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")


@cache
def build(colour_map: str, custom: tuple[int, ...], limited: bool, *flags: str) -> ctypes.CDLL:
    """Compile the very source that a GPU gets."""
    folder = Path(mkdtemp())
    values = f"#define VALUES {SHARED // (12 if limited else 4)}\n"
    source = write_source(colour_map, custom, limited=limited)
    code = values + HEADER.read_text().replace("// SOURCE", source)
    (folder / "kernel.cpp").write_text(code)
    options = ["-O1", "-std=c++17", "-shared", "-fPIC", *flags]
    command = ["g++", *options, "kernel.cpp", "-o", "kernel.so"]
    subprocess.run(command, cwd=folder, check=True)
    shutil.copy(folder / "kernel.so", folder / f"kernel-{colour_map}-{limited}.so")
    return ctypes.CDLL(str(folder / "kernel.so"))


class Driver:
    """Records what the driver is asked to launch, and lets the CPU do it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *flags: str, shared: int = SHARED) -> None:
        self.calls: list[dict[str, Any]] = []
        self.flags = flags
        from neatfool.cppn.draw import cuda

        monkeypatch.setattr(cuda, "launch", self._launch)
        monkeypatch.setattr(
            cuda,
            "load_kernel",
            lambda device, *made, limited: ((*made, limited), shared),
        )
        monkeypatch.setattr(
            cuda.torch.cuda, "current_stream", lambda _: SimpleNamespace(cuda_stream=7)
        )

    def _launch(
        self,
        kernel: tuple[str, tuple[int, ...], bool],
        arguments: list[int],
        *,
        blocks: tuple[int, int],
        threads: int,
        **more: int,
    ) -> None:
        self.calls.append({"blocks": blocks, "threads": threads, **more})
        *arrays, inputs, points, images = arguments
        addresses = (ctypes.c_void_p * 8)(*arrays, images)
        build(*kernel, *self.flags).launch(
            *blocks, threads, addresses, (ctypes.c_int * 2)(inputs, points)
        )
