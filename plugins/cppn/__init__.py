"""Encoding ``cppn``: images drawn by evolving networks of simple functions.

A CPPN (compositional pattern-producing network) gets each pixel's column x, row y and distance d
from the centre. Its outputs are the grey value or the colour there. Its genome is neat-python's,
and so are the keys of ``[DefaultGenome]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from neatfool import Encoding, ExperimentError, GenomeError, GenomeSize, ImageSpec, cppn, hookimpl
from neatfool.network import DeviceName, pick_device

if TYPE_CHECKING:
    import networkx as nx

REFINEMENTS = tuple(field.name for field in fields(cppn.Refinements))
SMALLEST_PATTERNS = 64
"""The fewest pixels a side of images that ``preset = patterns`` suits best."""


class Options(BaseModel, extra="forbid", populate_by_name=True, use_attribute_docstrings=True):
    """Options of the encoding ``cppn``."""

    preset: Literal["paper", "patterns", "neat"] = "paper"
    """how networks draw and evolve. `paper`: by mutation alone, as the paper's own code does.
    `patterns` *(new in 0.2)*: so too, with what makes the search need fewer images, and with a
    `band_limit`, so that the images are patterns and less an accident of their pixels; the best for
    images of 64 pixels and more. `neat`: by mutation and crossover, as neat-python does"""
    inputs: Literal["raw", "normalised"] | None = None
    """`raw`: x and y are the pixel's column and row. `normalised`: they go from -1 to 1. Pixels
    make large weights into fine textures; normalised inputs give smoother images. If left out,
    `raw` with `preset = paper`, else `normalised`"""
    colour: Literal["grey", "rgb", "hsv", "oklab"] | None = None
    """how outputs become colours: `grey`, `rgb`, `hsv` (the paper's), or `oklab` (hues that
    are evenly far apart for the eye: how red or green, and how yellow or blue). If left out, `grey`
    for grey images; for others `oklab` with `preset = patterns`, else `hsv`"""
    band_limit: float | None = Field(None, validate_default=True, ge=0, le=16, allow_inf_nan=False)
    """how fine the detail of images is: each node of a network shows its mean within the reach of a
    pixel, whose standard deviation this is, in pixels of the target; a small spline smooths what
    is left. What changes faster fades, and the picture is the same at any size. 0: a pixel shows
    the value at its centre, as in the paper. If left out, 2 with `preset = patterns`, else 0
    *(new in 0.2)*"""
    device: DeviceName = "auto"
    """where images are drawn. `auto` takes the GPU if there is one; else PyTorch's name of a
    device: `cpu`, `cuda`, `xpu`, `mps`"""
    renderer: Literal["compiled", "cuda", "plain"] | None = Field(None, validate_default=True)
    """what draws. `compiled` is several times as fast on a CPU and needs numba. `cuda` is a kernel
    for GPUs of NVIDIA's; it needs numba and `pip install 'neatfool[cuda]'`. `plain` is PyTorch, on
    any device. If left out, the first that works on the device. A few values of their images
    differ, so the choice is part of the run"""
    initial_rounds: int | None = Field(None, validate_default=True, ge=0, le=1000)
    """how complex random networks are. Each grows by a number of rounds drawn from 0 to this. A
    round splits a connection by a node, and adds a connection. This and the next three go with the
    paper's mutation, though the paper has none of them. If left out, 47 with `preset = patterns`,
    else 0"""
    graft: float | None = Field(None, validate_default=True, ge=0, le=1)
    """how often a child takes one of its outputs (the hue, say), with all that leads to it, from a
    second parent. If left out, 0.5 with `preset = patterns`, else 0"""
    mutation_spread: float | None = Field(None, validate_default=True, ge=0, le=3)
    """for each child, the probabilities of all mutations are multiplied by a random factor between
    e^-s and e^s, with s this number. If left out, 1 with `preset = patterns`, else 0"""
    mutation_cooling: int | None = Field(None, validate_default=True, ge=0)
    """after this many generations, mutations and grafts are half as likely as at the beginning;
    after twice as many, a third. 0: they stay as likely. Late in a search, small changes gain most.
    If left out, 100 with `preset = patterns`, else 0"""
    genome: cppn.GenomeOptions = Field(
        default_factory=cppn.GenomeOptions, alias="DefaultGenome", validate_default=True
    )
    """neat-python's keys of a genome. What is left out has the preset's value"""

    @field_validator("renderer")
    @classmethod
    def _choose_for_this_machine(cls, renderer: str | None, info: ValidationInfo) -> str:
        device = info.data.get("device", "auto")
        if renderer == "compiled" and device not in {"auto", "cpu"}:
            raise ValueError(
                f"draws on the CPU, but device = {device}; leave it out, or set renderer = plain"
            )
        if renderer:
            return renderer
        if preset := info.data.get("preset"):
            cppn.Breeder.prepare(cppn.PRESETS[preset])
        kind = pick_device().type if device == "auto" else device.partition(":")[0]
        fast = "compiled" if kind == "cpu" else "cuda" if cppn.can_launch(kind) else "plain"
        limited = bool(info.data.get("band_limit"))
        return fast if fast != "plain" and cppn.can_compile(limited) else "plain"

    @field_validator("genome")
    @classmethod
    def _fill_from_the_preset(
        cls, genome: cppn.GenomeOptions, info: ValidationInfo
    ) -> cppn.GenomeOptions:
        # A wrong preset has its own error.
        preset = info.data.get("preset")
        return cppn.resolve(genome, cppn.PRESETS[preset]) if preset else genome

    @field_validator("band_limit", *REFINEMENTS)
    @classmethod
    def _take_from_the_preset(cls, value: float | None, info: ValidationInfo) -> float | None:
        if "preset" not in info.data:  # it has its own error
            return value
        name, preset = str(info.field_name), cppn.PRESETS[info.data["preset"]]
        if name == "band_limit":
            return preset.band_limit if value is None else value
        usual = getattr(preset.refinements or cppn.Refinements(), name)
        if preset.refinements is None and value not in (None, usual):
            raise ValueError(
                f"has no effect with preset = {preset.name}; leave it out, or set preset = patterns"
            )
        return usual if value is None else value

    @classmethod
    def suiting(cls, spec: ImageSpec) -> dict[str, Any]:
        """Give the options that serve images of a size best."""
        large = min(spec.height, spec.width) >= SMALLEST_PATTERNS
        return {"preset": "patterns"} if large else {"preset": "paper", "inputs": "normalised"}

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Give the values of keys that are left out; the colour depends on the target's images."""
        preset = cppn.PRESETS[self.preset]
        known: dict[str, Any] = {"inputs": preset.inputs}
        if spec is not None:
            known["colour"] = "grey" if spec.channels == 1 else preset.colour
        return known

    @property
    def refinements(self) -> cppn.Refinements:
        """The options that refine the paper's mutation."""
        return cppn.Refinements(**{name: getattr(self, name) for name in REFINEMENTS})


class CppnEncoding(Encoding[cppn.Genome]):
    """The encoding ``cppn``, for images of a spec's size and channels."""

    def __init__(self, options: Options, *, spec: ImageSpec) -> None:
        """Check that the colour map fits the images, and that the renderer works on the device."""
        preset = cppn.PRESETS[options.preset]
        name = options.colour or options.absent(spec)["colour"]
        outputs = options.genome.model_dump()["num_outputs"]
        self._colours = cppn.find_colour_map(name, outputs=outputs)
        if self._colours.channels > spec.channels:
            fault = "the target takes grey images; leave it out, or use grey"
            raise ExperimentError(f"[encoding] colour = {name}: {fault}")
        self._look = cppn.Look(
            spec.height,
            spec.width,
            inputs=options.inputs or options.absent(spec)["inputs"],
            colour_map=name,
            channels=spec.channels,
            band_limit=options.band_limit or 0.0,
        )
        self._compile, self._device = _choose_compiler(options)
        self._is_compiled = options.renderer == "compiled"
        self._config = cppn.genome_config(options.genome, self._colours.outputs)
        self._breeder = cppn.Breeder(preset, self._config, options.refinements)
        self.parents = self._breeder.parents

    def create(self, seeds: Sequence[int]) -> list[cppn.Genome]:
        """Make a random genome for each seed."""
        return self._breeder.create(seeds)

    def in_generation(self, generation: int) -> CppnEncoding:
        """Give the encoding for a generation of a run."""
        return self._bred_by(self._breeder.in_generation(generation))

    def with_mutation(self, strength: float, structure: float) -> CppnEncoding:
        """Give the encoding with factors for what mutates: numbers, and the network's structure."""
        return self._bred_by(self._breeder.with_mutation(strength, structure))

    def _bred_by(self, breeder: cppn.Breeder) -> CppnEncoding:
        if breeder is self._breeder:
            return self
        other = copy(self)
        other._breeder = breeder
        return other

    def parent_counts(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents of each seed's child."""
        return self._breeder.parent_counts(seeds)

    def breed(
        self, parent_groups: Sequence[Sequence[cppn.Genome]], seeds: Sequence[int]
    ) -> list[cppn.Genome]:
        """Breed a child from each group of parents."""
        return self._breeder.breed(parent_groups, seeds)

    def parameters(self, genomes: Sequence[cppn.Genome]) -> list[np.ndarray]:
        """Give the weights and biases that each genome's image depends on, float64 [P]."""
        return self._parameters.read(self._program(genomes))

    def with_parameters(
        self, genomes: Sequence[cppn.Genome], parameters: Sequence[np.ndarray]
    ) -> list[cppn.Genome]:
        """Give genomes other weights and biases, within the ranges of ``[DefaultGenome]``."""
        return self._parameters.write(genomes, self._program(genomes), parameters)

    def parameter_gradients(
        self, genomes: Sequence[cppn.Genome], gradients: np.ndarray
    ) -> list[np.ndarray]:
        """Turn gradients by pixels, float32 [G, N, C, H, W], into those by parameters, [G, P]."""
        # Compiled code takes one genome at a time, whose data then fits the processor's cache.
        size = 1 if self._is_compiled else len(genomes)
        found: list[np.ndarray] = []
        for start in range(0, len(genomes), size):
            program = self._program(genomes[start : start + size])
            by_parameter = cppn.render_gradients(
                program,
                gradients[:, start : start + size],
                self._look,
                compiled=self._is_compiled,
                device=self._device,
            )
            found += self._parameters.divide(program, by_parameter)
        return found

    def render(self, genomes: Sequence[cppn.Genome]) -> torch.Tensor:
        """Render genomes at the target's size: uint8 [N, C, H, W]."""
        return self._draw(genomes)

    def render_at(
        self,
        genome: cppn.Genome,
        height: int,
        width: int,
        box: tuple[int, int, int, int] | None = None,
    ) -> torch.Tensor:
        """Render a genome, or a box of it, at any size: uint8 [C, bottom - top, right - left]."""
        return self._draw([genome], size=(height, width), box=box)[0].cpu()

    def in_focus(self, factor: float) -> CppnEncoding:
        """Give the encoding with ``factor`` times its band limit."""
        if not self._look.band_limit:
            return self
        other = copy(self)
        other._look = replace(self._look, band_limit=factor * self._look.band_limit)
        return other

    dumps = staticmethod(cppn.dumps)
    to_bytes = staticmethod(cppn.to_bytes)
    from_bytes = staticmethod(cppn.from_bytes)

    def loads(self, text: str) -> cppn.Genome:
        """Read a genome of this encoding's inputs and outputs."""
        return cppn.loads(text, self._config)

    def from_file(self, path: Path) -> cppn.Genome:
        """Read a genome in any of the formats of :func:`neatfool.cppn.read`."""
        network = cppn.read(path.read_bytes(), look=self._look)
        if len(network.outputs) != len(self._colours.labels):
            fault = f"a network of {len(network.outputs)} outputs"
            raise GenomeError(f"{fault}, and here it has {', '.join(self._colours.labels)}")
        return self.loads(cppn.dumps(network.genome))

    def distance(self, a: cppn.Genome, b: cppn.Genome) -> float:
        """Give neat-python's distance of two genomes."""
        return a.distance(b, self._config)

    def size(self, genome: cppn.Genome) -> GenomeSize:
        """Count hidden and output nodes, and enabled connections."""
        return GenomeSize(*genome.size())

    def graph(self, genome: cppn.Genome) -> nx.DiGraph:
        """Give a genome as a graph; see :func:`neatfool.cppn.to_graph`."""
        return cppn.to_graph(genome, self._colours.labels)

    def picture(self, genome: cppn.Genome) -> cppn.Picture:
        """Give a genome's picture, for other programs."""
        return cppn.Picture(genome, self._look)

    @cached_property
    def _parameters(self) -> cppn.Parameters:
        return cppn.Parameters(self._config)

    def _program(self, genomes: Sequence[cppn.Genome]) -> cppn.Program:
        return cppn.compile_genomes(genomes, self._config.input_keys, self._config.output_keys)

    def _draw(self, genomes: Sequence[cppn.Genome], **part: Any) -> torch.Tensor:
        made = self._compile(genomes, self._config.input_keys, self._config.output_keys)
        return cppn.render(made, self._look, device=self._device, **part)


def _choose_compiler(
    options: Options,
) -> tuple[Callable[..., cppn.Program | cppn.Tape], torch.device]:
    """Choose the function that compiles genomes, and the device that renders them."""
    if options.renderer == "plain":
        return cppn.compile_genomes, pick_device(options.device)
    cppn.load_compiled(bool(options.band_limit))
    device = pick_device("cpu" if options.renderer == "compiled" else options.device)
    if options.renderer == "cuda" and not cppn.can_launch(device.type):
        raise ExperimentError(
            f"[encoding] renderer = cuda: cannot draw on {device}; it needs a GPU of NVIDIA's and "
            "pip install 'neatfool[cuda]'; or leave it out"
        )
    return cppn.compile_tape, device


@hookimpl
def neatfool_register_encodings(register: Any) -> None:
    """Register the encoding."""
    register("cppn", CppnEncoding, options=Options)
