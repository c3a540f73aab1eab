"""``neatfool.evolve``: evolve images for any objective, in three lines of Python."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from neatfool.errors import ExperimentError, nearest
from neatfool.evolution.python_target import FunctionObjective
from neatfool.fooling.fool import fool
from neatfool.run.run import Run
from neatfool.spec.image_spec import GridAxis, ImageSpec
from neatfool.spec.target import Target
from neatfool.wording import listed

Range: TypeAlias = tuple[float, float, int]
"""The lower and the upper end of a measure, and its number of cells."""
OF_CLASSIFIERS: Final = ("classes", "nothing", "mean", "std", "outputs", "threshold", "device")
"""The arguments of :func:`neatfool.fool` that an objective has no use for."""


def evolve(
    score: Callable[[Any], Any] | Target,
    *,
    image: tuple[int, int, int] | None = None,
    niches: Sequence[str] | None = None,
    grid: Sequence[Range | GridAxis] | Mapping[str, Range] | None = None,
    differentiable: bool = False,
    images: int | None = None,
    seed: int = 1,
    out: str | Path | None = None,
    **settings: Any,
) -> Run:
    """Evolve images that score high in an objective of your own.

    For example::

        def symmetry(images):
            flipped = images[..., ::-1].astype(float)
            return -abs(images - flipped).mean((1, 2, 3))

        run = neatfool.evolve(symmetry, image=(3, 128, 128), images=20_000)
        run.best().image(1024)

    Without ``niches`` and ``grid`` there is one niche, ``best``. Several niches are searched at
    once, each for its own score, as MAP-Elites does; with a grid, each image competes only in the
    cell of its measures.

    Args:
        score: A function from uint8 [N, C, H, W] (numpy) to scores: floats [N, K], or [N] if there
            is one niche; any real numbers, of which larger ones are better. With a grid it gives a
            pair: scores [N], and measures [N, D]. An image with a score that is not finite counts
            as refused. Or a target whose spec says ``kind="objective"``.
        image: (channels, height, width) of the images; 1 channel is grey, and 3 are RGB.
        niches: The name of each column of the scores.
        grid: For each measure the lower end, the upper end and the number of cells, perhaps by the
            measure's name: ``{"brightness": (0, 1, 20), "contrast": (0, 0.5, 20)}``.
        differentiable: Whether ``score`` computes with torch. It then takes float32 [N, C, H, W]
            from 0 to 255, and ``scheme_options={"learn": 0.5}`` follows its gradients.
        images: How many images to score in all; 20,000 if absent.
        seed: The run's seed.
        out: The run's folder; by default a new one under ``runs/``.
        settings: Further arguments as in :func:`neatfool.fool`: ``generations``, ``scheme``,
            ``encoding``, ``scheme_options``, ``encoding_options``, ``views``, ``plugins``,
            ``target_options``, ``name``, ``resume_run``, ``overwrite`` and ``progress``.

    Returns:
        The run, to look at: ``run["calm"].score``, ``run["calm"].image(1024)``.

    Raises:
        TargetError: The function failed, gave other numbers than these, or scores the same image
            differently from call to call.
        ExperimentError: Arguments are wrong; the message has a line for each.
        PluginError: A scheme or an encoding is missing or broken.
        RunError: The folder already holds a run, or the resumed one has passed its new length.
    """
    if foreign := [name for name in settings if name in OF_CLASSIFIERS]:
        raise ExperimentError(f"{listed(foreign)}: of a classifier, for neatfool.fool; leave out")
    if unknown := sorted(settings.keys() - inspect.signature(fool).parameters.keys()):
        known = {*inspect.signature(evolve).parameters, *inspect.signature(fool).parameters}
        near = nearest(unknown[0], known - {"settings", "model", *OF_CLASSIFIERS})
        raise TypeError(f"evolve() got an unexpected keyword argument {unknown[0]!r}{near}")
    target = score
    if not isinstance(target, Target):
        target = FunctionObjective(
            target, _spec(image, niches, grid), differentiable=differentiable
        )
    elif (image, niches, grid) != (None, None, None):
        raise ExperimentError("image, niches, grid: are told by the target's own spec; leave out")
    elif not target.spec.is_objective:
        raise ExperimentError("score: this target is a classifier; give it to neatfool.fool")
    own: Any = {"image": target.spec.shape, "classes": target.spec.classes}
    return fool(target, **own, images=images, seed=seed, out=out, **settings)


def _spec(
    image: tuple[int, int, int] | None,
    niches: Sequence[str] | None,
    grid: Sequence[Range | GridAxis] | Mapping[str, Range] | None,
) -> ImageSpec:
    if niches is not None and grid is not None:
        raise ExperimentError("niches, grid: a grid names its own niches; give one of the two")
    try:
        channels, height, width = image  # type: ignore[misc]
    except (TypeError, ValueError):
        fault = f"must be (channels, height, width), such as (3, 128, 128), not {image!r}"
        raise ExperimentError(f"image: {fault}") from None
    names = () if grid else ("best",) if niches is None else _names(niches)
    try:
        return ImageSpec(height, width, channels, names, kind="objective", grid=_axes(grid or ()))
    except (TypeError, ValueError) as error:
        raise ExperimentError(f"image, niches, grid: {error}") from error


def _names(niches: Sequence[str]) -> tuple[str, ...]:
    names = () if isinstance(niches, str) else tuple(map(str, niches))
    if not names or len({*names}) < len(names) or not all(map(str.strip, names)):
        fault = f"must be different names, at least 1 of them, not {niches!r}"
        raise ExperimentError(f"niches: {fault}")
    return names


def _axes(grid: Sequence[Range | GridAxis] | Mapping[str, Range]) -> tuple[GridAxis, ...]:
    pairs = grid.items() if isinstance(grid, Mapping) else enumerate(grid, 1)
    return tuple(
        each if isinstance(each, GridAxis) else GridAxis(_axis_name(key), *_ends(each))
        for key, each in pairs
    )


def _axis_name(key: str | int) -> str:
    return f"measure {key}" if isinstance(key, int) else str(key).strip() or "measure"


def _ends(given: Range) -> Range:
    try:
        low, high, cells = given
        return float(low), float(high), operator.index(cells)
    except (TypeError, ValueError):
        fault = f"has (low, high, cells) for each measure, such as (0, 1, 20), not {given!r}"
        raise ExperimentError(f"grid: {fault}") from None
