"""``neatfool.fool``: fool a classifier of your own in three lines of Python."""

import inspect
import logging
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import torch
from pydantic import BaseModel, BeforeValidator, Field, PositiveInt, create_model

from neatfool.config.options import check_arguments
from neatfool.errors import ExperimentError, option_namer
from neatfool.evolution.assembly import assemble
from neatfool.evolution.python_parts import choose_part
from neatfool.evolution.python_target import (
    AS_CHANNELS_LAST,
    FunctionObjective,
    ModelSource,
    choice_of,
    target_of,
)
from neatfool.evolution.session import Session, start
from neatfool.experiment.experiment import Experiment
from neatfool.experiment.framework import CallSettings, GeneralSettings, safe_name
from neatfool.experiment.view_settings import choose_view_settings
from neatfool.network.image_module import unwrap
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import storage_errors
from neatfool.run.run import Run
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec, Outputs
from neatfool.spec.scheme import Scheme
from neatfool.spec.target import Target
from neatfool.wording import distinct_names, left_out

_log = logging.getLogger("neatfool.fool")

ModelT = TypeVar("ModelT", bound=BaseModel)

RUNS: Final = Path("runs")
"""Where runs are, if nothing is said."""


def _plain(value: Any) -> Any:
    """Make lists and numbers of arrays, and lists of whatever else has items."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [_plain(each) for each in value]
    return value


def _names(classes: Any) -> list[str]:
    if isinstance(classes, int) and not isinstance(classes, bool):
        return [str(number) for number in range(classes)]
    listed = isinstance(classes, list)
    if not listed or not all(str(name).strip() for name in classes):
        fault = "one is empty" if listed else f"not {reprlib.repr(classes)}"
        raise ValueError(f"must be the names of the classes, or their number; {fault}")
    return [str(name) for name in classes]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float) else value


def _texts(value: Any) -> Any:
    return [str(name) for name in value] if isinstance(value, list) else value


_Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PARSED_AS: Final[Mapping[str, Any]] = {
    "image": Annotated[list[PositiveInt], Field(min_length=3, max_length=3)],
    "classes": Annotated[list[str], BeforeValidator(_names)],
    "nothing": Annotated[list[str] | None, BeforeValidator(lambda each: _texts(_listed(each)))],
    **dict.fromkeys(("plugins", "scheme", "encoding"), Any),
    "mean": Annotated[
        Annotated[list[_Share], Field(min_length=1)] | None, BeforeValidator(_listed)
    ],
    "std": Annotated[
        Annotated[list[Annotated[_Share, Field(gt=0)]], Field(min_length=1)] | None,
        BeforeValidator(_listed),
    ],
}
"""What arguments that may be given in several forms are turned into."""


def fool(
    model: torch.nn.Module | Callable[[Any], Any] | Target,
    *,
    image: tuple[int, int, int],
    classes: Sequence[str] | int,
    images: int | None = None,
    seed: int = 1,
    out: str | Path | None = None,
    nothing: Sequence[str | int] | str | None = None,
    generations: int | None = None,
    scheme: str | Callable[..., Scheme] = "map_elites",
    encoding: str | Callable[..., Encoding[Any]] = "cppn",
    scheme_options: Mapping[str, Any] | None = None,
    encoding_options: Mapping[str, Any] | None = None,
    views: Mapping[str, Any] | None = None,
    plugins: str | Path | Sequence[str | Path] = (),
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    outputs: Outputs | None = None,
    threshold: float | Mapping[str, float] | None = None,
    target_options: Mapping[str, Any] | None = None,
    device: str = "auto",
    name: str | None = None,
    resume_run: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Run:
    """Evolve images that fool a classifier.

    For example::

        run = neatfool.fool(network.eval(), image=(3, 224, 224), classes=names, images=20_000)

    Ctrl-C ends the run after the current generation, and returns what it found. So does a target
    that cannot be reached, or whose budget is spent, with a warning. Another warning counts the
    images without a usable score. After the last generation, Ctrl-C is a KeyboardInterrupt.

    Args:
        model: A torch module in evaluation mode, which takes float32 [N, C, H, W] in [0, 1]
            (less ``mean``, divided by ``std``) and returns logits or probabilities [N, K]; or a
            callable from uint8 [N, C, H, W] (numpy) to probabilities [N, K], perhaps made by
            :func:`neatfool.channels_last`; or a target. A module is copied, and stays as it is.
        image: (channels, height, width) of the model's images.
        classes: The class names, or their number. A name that occurs twice gets its index added.
        images: How many images to score in all; 20,000 if ``generations`` is absent too.
        seed: The run's seed.
        out: The run's folder; by default a new one under ``runs/``.
        nothing: The classes that mean that nothing is there, such as ``"background"``. They are not
            searched, and an image that the model is surest shows one of them counts as rejected.
            If absent, they are guessed by their names; ``[]``: there are none.
        generations: How many generations to breed, in place of ``images``.
        scheme: The name of a scheme, or a class of your own, or a function that makes one. It gets
            ``encoding``, ``spec``, ``seed`` and ``target``, as far as it has such parameters.
        encoding: The name of an encoding; or a class or a function, which gets ``spec``.
        scheme_options: The scheme's options, as in an experiment's section. A class of your own
            gets them as keyword arguments; or all in its first parameter, if that is called
            ``options`` or its type is a pydantic model, as for a plugin.
        encoding_options: The encoding's options. For images of 64 pixels and more, ``cppn`` begins
            with ``preset = patterns``; for smaller ones, with ``inputs = normalised``. The genome's
            are one level down: ``{"genome": {"activation_options": ["sin", "gauss"]}}``.
        views: The keys of section ``[views]``: ``{"move": 3, "jpeg": 50, "number": 4}``.
        plugins: Files and folders with schemes and encodings, as in ``[plugins] path``.
        mean: What to subtract from each channel for a module, in [0, 1] as torchvision gives it;
            one number stands for all channels. (:class:`neatfool.Network` takes it in bytes.)
        std: What to divide each channel by for a module, on the same scale; given with ``mean``.
        outputs: What a module or a function gives: ``logits``, ``probabilities``, or
            ``multi_label`` if classes do not exclude one another: for each a confidence by itself
            or logit. If absent, a function gives probabilities, and a module is asked about a few
            varied images: a guess is told as a warning.
        threshold: The confidence from which the model's user believes it: a number, or one for
            each class by name. ``neatfool show``, ``report`` and ``audit`` count the classes above.
        target_options: Other keys of section ``[target]`` that all targets have: ``batch_size``,
            ``precision``, ``logit_temperature``; ``max_queries`` and ``max_requests`` for a target
            that costs something.
        device: Where a module runs: ``auto``, ``cpu``, ``cuda`` …
        name: The run's name, fit for a folder; by default the model's.
        resume_run: Resume the run in ``out``.
        overwrite: Delete the run in the folder, and start anew.
        progress: Whether to say on standard error how the model is read, and how far the run is.

    Returns:
        The run, to look at: ``run["3"].image()``.

    Raises:
        TargetError: The model failed, does not give probabilities, or scores the same image
            differently from call to call.
        ExperimentError: Arguments are wrong; the message has a line for each.
        PluginError: A scheme or an encoding is missing or broken.
        RunError: The folder already holds a run, or the resumed one has passed its new length.
    """
    given = {n: _plain(value) for n, value in locals().items() if n not in {"model", "out"}}
    if images is None and generations is None:
        given["images"] = 20_000
    arguments: Any = check_arguments(_arguments_model(), **given)
    if arguments.resume_run and arguments.overwrite:
        raise ExperimentError(
            "overwrite: starts a run anew, but resume_run goes on with it; give one of the two"
        )
    if arguments.resume_run and out is None:
        raise ExperimentError("out: missing; give the folder of the run to resume")
    naming = option_namer.set(_argument)
    try:
        return _run(model, arguments, None if out is None else Path(out))
    finally:
        option_namer.reset(naming)


def _arguments_model() -> type[BaseModel]:
    parameters = inspect.signature(fool).parameters.items()
    own = {name: PARSED_AS.get(name, each.annotation) for name, each in parameters}
    others = {"model", "out", *GeneralSettings.model_fields}
    fields: Any = {name: (kind, ...) for name, kind in own.items() if name not in others}
    return create_model("Arguments", __base__=GeneralSettings, **fields)


def _run(model: Any, arguments: Any, folder: Path | None) -> Run:
    target, manager, files = _target(model, arguments), PluginManager(), arguments.plugins
    files = [files] if isinstance(files, str | Path) else files
    paths = tuple(Path(file).expanduser().absolute() for file in files)
    for path in paths:
        manager.load_files(path)
    name = _model_name(model)
    differentiable = isinstance(target, FunctionObjective) and target.spec.array == "torch"
    given = {**vars(arguments), "differentiable": differentiable}
    given |= {"model": name, "name": arguments.name or safe_name(name.lower())}

    def part(model: type[ModelT]) -> ModelT:
        return model.model_validate({k: given[k] for k in model.model_fields if k in given})

    own = {"nothing": arguments.nothing, "threshold": arguments.threshold}
    experiment = Experiment(
        general=part(GeneralSettings),
        calls=check_arguments(CallSettings, **own, **(arguments.target_options or {})),
        target=choice_of(target, part(ModelSource)),
        encoding=choose_part(
            manager, "encoding", arguments.encoding, arguments.encoding_options, target.spec
        ),
        scheme=choose_part(manager, "scheme", arguments.scheme, arguments.scheme_options),
        showing=choose_view_settings(manager, arguments.views),
        plugin_paths=paths,
    )
    maker = "evolve" if target.spec.is_objective else "fool"
    experiment = replace(experiment, text=f"# Made by neatfool.{maker}.\n{experiment.to_ini()}")
    if folder is not None and arguments.resume_run:
        from neatfool.evolution.resuming import resume

        session = resume(lambda _, plan: assemble(experiment, plan), folder)
    else:
        session = _start(experiment, folder, overwrite=arguments.overwrite)
    return _go(session, manager, progress=arguments.progress)


def _go(session: Session, plugins: PluginManager, *, progress: bool) -> Run:
    from neatfool.evolution.progress import ProgressDisplay
    from neatfool.evolution.session import interruptible

    if progress:
        from rich.console import Console

        console = Console(file=sys.stderr, highlight=False)
        if description := session.description:
            console.print(description, soft_wrap=True, markup=False)
        plugins.register_object(ProgressDisplay(console, session), "progress")
    with interruptible(at_once=session.ledger is not None) as stop:
        outcome = session.go(plugins.observers(), stop)
    if outcome.reason == "finished" and stop():
        raise KeyboardInterrupt  # It came in the last generation, and is meant for the caller.
    if outcome.reason != "finished":
        _log.warning(
            "the run is %s%s; the same call with out=%r and resume_run=True goes on with it",
            outcome.reason,
            f": {outcome.cause}" if outcome.cause else "",
            str(session.run.path),
        )
    if refused := sum(report.refused for report in session.run.history):
        _log.warning("%s", left_out(refused))
    return session.run


def _target(model: Any, arguments: Any) -> Target:
    own = model.spec if isinstance(model, Target) else None
    is_open = own is not None and own.open
    alone = arguments.outputs == "multi_label" if own is None else not own.sums_to_one
    (channels, height, width), classes = arguments.image, tuple(arguments.classes)
    mean, std = arguments.mean, arguments.std
    if own is not None and own.is_objective:
        return target_of(model, own)
    if len(classes) < 2 and not (is_open or alone):
        fault = "a classifier has at least two; give all of them. A model with one number for two"
        raise ExperimentError(f"classes: {fault} classes has both, too: classes=['no', 'yes']")
    if own is not None and arguments.outputs is not None:
        fault = "is for a torch module or a function; a target's spec says what scores are"
        raise ExperimentError(f"outputs: {fault}")
    if not isinstance(model, torch.nn.Module) and (mean, std) != (None, None):
        fault = "are for a torch module; subtract and divide in the function itself"
        raise ExperimentError(f"mean, std: {fault}")
    lengths = {len(each) for each in (mean, std) if each is not None}
    if (mean is None) != (std is None) or not lengths <= {1, channels}:
        fault = f"go together, one number each or one a channel ({channels})"
        raise ExperimentError(f"mean, std: {fault}; mean=0 and std=1 change nothing")
    try:
        classes = distinct_names(classes) if own is None else classes
        spec = ImageSpec(height, width, channels, classes, sums_to_one=not alone, open=is_open)
    except ValueError as error:
        advice = f"give (channels, height, width), not {tuple(arguments.image)}; {AS_CHANNELS_LAST}"
        raise ExperimentError(f"image: {error}; {advice}") from error
    how = {"mean": mean, "std": std, "device": arguments.device, "outputs": arguments.outputs}
    return target_of(model, spec, **how)


def _argument(section: str, key: str) -> str:
    if section in {"encoding", "scheme"}:
        of_the_name = key.partition(" ")[0] == "plugin"
        return key.replace("plugin", section, 1) if of_the_name else f"{section}_options: {key}"
    return f"views {key}" if section == "views" else key


def _model_name(model: Any) -> str:
    model = unwrap(model) if isinstance(model, torch.nn.Module) else model
    model = model.function if isinstance(model, FunctionObjective) else model
    model = inspect.unwrap(model) if inspect.isroutine(model) else model
    named = getattr(model, "__name__", None) or type(model).__name__
    named = "your-function" if named == "<lambda>" else named
    return "".join(letter if letter.isalnum() else "-" for letter in named).strip("-") or "model"


def _start(experiment: Experiment, folder: Path | None, *, overwrite: bool) -> Session:
    assembly = assemble(experiment)
    name = f"{experiment.name}-{experiment.general.seed}"
    if folder is not None or overwrite:
        return start(assembly, folder or RUNS / name, overwrite=overwrite)
    # A new folder, which no other call makes, not even at the same time.
    for number in count(1):
        new = RUNS / (name if number == 1 else f"{name}-{number}")
        with storage_errors(new), suppress(FileExistsError):
            new.mkdir(parents=True)
            break
    return start(assembly, new)
