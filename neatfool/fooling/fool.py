"""Fooling a classifier of one's own in three lines of Python."""

from __future__ import annotations

import inspect
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from neatfool.config.values import write_ini
from neatfool.errors import ExperimentError
from neatfool.evolution.assembly import (
    FROM_PYTHON,
    Assembly,
    check_scheme,
    check_target,
    describe,
    make,
    make_scheme,
    make_scorer,
    own_fingerprint,
)
from neatfool.evolution.fingerprints import fingerprint_of_code
from neatfool.evolution.interrupts import Interrupts
from neatfool.evolution.loop import Limits
from neatfool.evolution.session import Session, resume, start
from neatfool.experiment.experiment import choose, resolved_sections
from neatfool.experiment.framework import Calls
from neatfool.plugin.manager import PluginManager
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from neatfool.experiment.experiment import Choice
    from neatfool.run.run import Run
    from neatfool.scoring.plan import Plan
    from neatfool.spec.json import Json

_log = logging.getLogger("neatfool.fool")

STALL_AFTER = 50


def fool(
    model: torch.nn.Module | Callable[[Any], Any] | Target,
    *,
    image: tuple[int, int, int],
    classes: Sequence[str] | int,
    images: int | None = None,
    generations: int | None = None,
    scheme: str = "map_elites",
    encoding: str = "cppn",
    scheme_options: Mapping[str, Any] | None = None,
    encoding_options: Mapping[str, Any] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    device: str = "auto",
    seed: int = 1,
    name: str | None = None,
    out: str | Path | None = None,
    resume_run: bool = False,
    batch_size: int | None = None,
    precision: str = "auto",
    max_queries: int | None = None,
    max_requests: int | None = None,
    progress: bool = True,
) -> Run:
    """Evolve images that fool a classifier.

    For example::

        run = neatfool.fool(network.eval(), image=(3, 224, 224), classes=names, images=20_000)

    Ctrl-C ends it after the generation under way; what was found until then is returned. So it
    is where a target that costs something cannot be reached, or its budget is spent; a warning
    says so.

    Args:
        model: A torch module in evaluation mode, which is given float32 [N, C, H, W] in [0, 1]
            (less ``mean``, by ``std``) and gives logits or probabilities [N, K]; or any callable
            from uint8 [N, C, H, W] (numpy) to probabilities [N, K]; or a target.
        image: (channels, height, width) of the images that it takes.
        classes: The class names, or their number.
        images: How many images to score in all; 20,000 if ``generations`` is absent too.
        generations: How many generations to breed, in place of ``images``.
        scheme: The name of a scheme.
        encoding: The name of an encoding.
        scheme_options: The scheme's options, as in an experiment's section.
        encoding_options: The encoding's options.
        mean: What a module wants subtracted from each channel.
        std: What a module wants each channel divided by.
        device: Where a module runs: ``auto``, ``cpu``, ``cuda`` …
        seed: The run's seed.
        name: The run's name; made from the model's if absent.
        out: The run's folder; a new one under ``runs/`` if absent.
        resume_run: Go on with the run in ``out``.
        batch_size: Images a call of the model; chosen if absent.
        precision: How a module screens images before it scores the promising ones in fp32:
            ``auto``, ``bf16`` or ``fp16``, or ``fp32`` for not at all.
        max_queries: Images that may be sent in all, to a target that costs something.
        max_requests: Requests that may be sent in all, likewise.
        progress: Whether to show progress on standard error.

    Returns:
        The run, to look at: ``run["3"].image()``.

    Raises:
        TargetError: The model failed, what it gives are not probabilities, or it scores the same
            image differently from call to call.
        ExperimentError: An option is wrong.
        RunError: The folder holds a run already.
    """
    _check_length(images, generations)
    names = tuple(map(str, range(classes)) if isinstance(classes, int) else classes)
    target = _target(model, image, names, mean=mean, std=std, device=device)
    plugins = PluginManager()
    if generations is None and images is None:
        images = 20_000
    label = name or _model_name(model).lower()
    limits = Limits(generations, images)
    assemble = partial(
        _assemble,
        target,
        model=_model_name(model),
        name=label,
        seed=seed,
        limits=limits,
        calls=_calls(
            batch_size=batch_size or "auto",
            precision=precision,
            max_queries=max_queries,
            max_requests=max_requests,
        ),
        encoding=choose(plugins, "encoding", encoding, encoding_options or {}),
        scheme=choose(plugins, "scheme", scheme, scheme_options or {}),
    )
    folder = Path(out) if out else _new_folder(f"{label}-{seed}")
    if resume_run:
        session = resume(lambda _, recorded: assemble(recorded=recorded), folder)
    else:
        session = start(assemble(), folder)
    return _go(session, plugins, limits, progress=progress)


def _assemble(
    target: Target,
    *,
    model: str,
    name: str,
    seed: int,
    limits: Limits,
    calls: Calls,
    encoding: Choice,
    scheme: Choice,
    recorded: Plan | None = None,
) -> Assembly:
    label = f"target {model!r} (from Python)"
    check_target(target, label)
    made = make(encoding, spec=target.spec)
    search = make_scheme(scheme, made, target, seed)
    if recorded is None:
        check_scheme(search, scheme)
    fingerprint = own_fingerprint(target, label) or fingerprint_of_code(target)
    identity: dict[str, dict[str, Json]] = {
        "experiment": {"seed": seed},
        "target": {"plugin": FROM_PYTHON, "model": model},
        **resolved_sections("encoding", encoding),
        **resolved_sections("scheme", scheme),
    }
    length = {"generations": limits.generations, "images": limits.images}
    general: dict[str, Json] = {"name": name, **length, "seed": seed, "stall_after": STALL_AFTER}
    resolved = identity | {"experiment": general}
    return Assembly(
        name=name,
        seed=seed,
        limits=limits,
        scorer=make_scorer(target, label, calls, fingerprint, search, recorded),
        fingerprint=fingerprint,
        encoding=made,
        encoding_name=describe(encoding),
        scheme=search,
        scheme_name=describe(scheme),
        resolved=resolved,
        identity=identity,
        text="# Made by neatfool.fool.\n" + write_ini(resolved),
    )


def _go(session: Session, plugins: PluginManager, limits: Limits, *, progress: bool) -> Run:
    interrupts = Interrupts()
    if progress:
        from rich.console import Console

        from neatfool.evolution.progress import ProgressDisplay

        display = ProgressDisplay(
            Console(file=sys.stderr, highlight=False),
            generations=limits.generations,
            images=limits.images,
            stall_after=STALL_AFTER,
        )
        plugins.add_observer(display, "progress")
    with interrupts.handled():
        outcome = session.go(plugins.observers(), interrupts)
    if outcome.cause:
        _log.warning("the run is %s: %s", outcome.reason, outcome.cause)
    return session.run


def _target(
    model: Any,
    image: tuple[int, int, int],
    classes: tuple[str, ...],
    *,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    device: str,
) -> Target:
    from torch import nn

    from neatfool.fooling.python_target import CallableTarget, ModuleTarget

    if isinstance(model, nn.Module):
        spec = _spec(image, classes, array="torch")
        return ModuleTarget(model, spec, mean=mean, std=std, device=device)
    if isinstance(model, Target):
        if (model.spec.shape, model.spec.classes) != (tuple(image), classes):
            raise ExperimentError(
                f"fool: image = {image} and {len(classes)} classes, but the target takes "
                f"{model.spec.shape} and has {len(model.spec.classes)}; give those of its spec"
            )
        return model
    if not callable(model) or inspect.isclass(model):
        raise ExperimentError(
            f"fool: {model!r} is no model; give a torch module in evaluation mode, or a function "
            "from uint8 [N, C, H, W] to probabilities"
        )
    return CallableTarget(model, _spec(image, classes))


def _calls(**options: Any) -> Calls:
    try:
        return Calls(**options)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ExperimentError(
            f"fool: {wrong['loc'][0]} = {wrong['input']!r}: {wrong['msg']}"
        ) from error


def _check_length(*lengths: Any) -> None:
    for length in lengths:
        if length is not None and (not isinstance(length, int) or length < 1):
            raise ExperimentError(f"fool: a run's length is a whole number >= 1, not {length!r}")


def _spec(image: Any, classes: tuple[str, ...], **more: Any) -> ImageSpec:
    try:
        channels, height, width = image
        return ImageSpec(height, width, channels, classes, **more)
    except (TypeError, ValueError) as error:
        raise ExperimentError(
            f"fool: image = {image!r} and {len(classes)} classes: {error}; an image is "
            "(channels, height, width)"
        ) from error


def _model_name(model: Any) -> str:
    named = getattr(model, "__name__", None) or type(model).__name__
    return "".join(letter if letter.isalnum() else "-" for letter in named).strip("-") or "model"


def _new_folder(name: str) -> Path:
    folder, number = Path("runs") / name, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder
