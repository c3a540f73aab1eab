"""``neatfool.fool``: fool a classifier of your own in three lines of Python."""

import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from pydantic import (
    BaseModel,
    PositiveInt,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from neatfool.config.options import check_arguments
from neatfool.errors import ExperimentError, option_namer
from neatfool.evolution.assembly import assemble
from neatfool.evolution.python_target import AS_CHANNELS_LAST, ModelSource, choice_of, target_of
from neatfool.evolution.session import Session, start
from neatfool.experiment.experiment import Experiment
from neatfool.experiment.framework import (
    CallSettings,
    GeneralSettings,
    choose_view_settings,
    safe_name,
)
from neatfool.experiment.plugin_choice import choose
from neatfool.network.image_module import unwrap
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import adapt_if_whole
from neatfool.run.folder import storage_errors
from neatfool.run.run import Run
from neatfool.spec.image_spec import ImageSpec, Outputs
from neatfool.spec.target import Target
from neatfool.wording import distinct_names, left_out

_log = logging.getLogger("neatfool.fool")

ModelT = TypeVar("ModelT", bound=BaseModel)

PARSED_AS: Final[Mapping[str, Any]] = {
    "image": list[PositiveInt],
    "classes": list[str],
    "plugins": Any,
    **dict.fromkeys(("mean", "std"), list[float] | None),
}
"""What arguments that may be given in several forms are turned into."""

RUNS: Final = Path("runs")
"""Where runs are, if nothing is said."""


class _ArgumentChecks(GeneralSettings, CallSettings, extra="forbid"):
    """Checks of :func:`fool`'s arguments. Its signature has the fields that no section has."""

    @model_validator(mode="before")
    @classmethod
    def _without_arrays(cls, given: dict[str, Any]) -> dict[str, Any]:
        # A batch size of None is chosen, as one that is absent.
        kept = {k: v for k, v in given.items() if k != "batch_size" or v is not None}
        return {name: _plain(value) for name, value in kept.items()}

    @field_validator("image", mode="before", check_fields=False)
    @classmethod
    def _of_three(cls, image: Any) -> Any:
        if isinstance(image, list) and len(image) != 3:
            shape = ", ".join(map(str, image))
            raise ValueError(f"must be (channels, height, width), as (3, 224, 224), not ({shape})")
        return image

    @field_validator("classes", mode="before", check_fields=False)
    @classmethod
    def _named(cls, classes: Any) -> list[str]:
        if isinstance(classes, int) and not isinstance(classes, bool) and classes > 0:
            return [str(number) for number in range(classes)]
        if not isinstance(classes, list):  # pydantic reports only a ValueError
            raise ValueError(  # noqa: TRY004
                f"must be the names of the classes, or their number, not {classes!r}"
            )
        for index, name in enumerate(classes):
            if not str(name).strip():
                raise ValueError(f"item {index + 1} is empty; give each class a name")
        return [str(name) for name in classes]

    @field_validator("nothing", mode="before")
    @classmethod
    def _by_name(cls, nothing: Any) -> Any:
        listed = [nothing] if isinstance(nothing, str | int) else nothing
        return [str(name) for name in listed] if isinstance(listed, list) else listed

    @field_validator("mean", "std", mode="before", check_fields=False)
    @classmethod
    def _listed(cls, numbers: Any) -> Any:
        return [numbers] if isinstance(numbers, int | float) else numbers

    @field_validator("mean", "std", check_fields=False)
    @classmethod
    def _fit_for_the_image(
        cls, numbers: list[float] | None, info: ValidationInfo
    ) -> list[float] | None:
        if numbers is None or "image" not in info.data:
            return numbers
        channels = info.data["image"][0]
        if len(numbers) not in {1, channels}:
            raise ValueError(
                f"must be one number, or one a channel: {channels}, not {len(numbers)}"
            )
        for number in numbers:
            if not 0 <= number <= 1 or (info.field_name == "std" and number == 0):
                least = "> 0" if info.field_name == "std" else ">= 0"
                fault = f"must be {least} and <= 1, not {number:g}: it is for images in [0, 1]"
                raise ValueError(f"{fault}. Divide a number for bytes by 255")
        return numbers


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [_plain(each) for each in value]
    return value


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
    scheme: str = "map_elites",
    encoding: str = "cppn",
    scheme_options: Mapping[str, Any] | None = None,
    encoding_options: Mapping[str, Any] | None = None,
    views: Mapping[str, Any] | None = None,
    plugins: str | Path | Sequence[str | Path] = (),
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    outputs: Outputs | None = None,
    threshold: float | Mapping[str, float] | None = None,
    logit_temperature: float = 1.0,
    device: str = "auto",
    name: str | None = None,
    resume_run: bool = False,
    overwrite: bool = False,
    batch_size: int | None = None,
    precision: str = "auto",
    max_queries: int | None = None,
    max_requests: int | None = None,
    progress: bool = True,
) -> Run:
    """Evolve images that fool a classifier.

    For example::

        run = neatfool.fool(network.eval(), image=(3, 224, 224), classes=names, images=20_000)

    Ctrl-C ends the run after the current generation, and returns what it found. So does a target
    that cannot be reached, or whose budget is spent, with a warning. Another warning counts the
    images without a usable score.

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
        scheme: The name of a scheme.
        encoding: The name of an encoding.
        scheme_options: The scheme's options, as in an experiment's section.
        encoding_options: The encoding's options. For images of 64 pixels and more, ``cppn`` begins
            with ``preset = patterns``; for smaller ones, with ``inputs = normalised``.
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
        logit_temperature: What logits are divided by; 1 leaves them as they are.
        device: Where a module runs: ``auto``, ``cpu``, ``cuda`` …
        name: The run's name, fit for a folder; by default the model's.
        resume_run: Resume the run in ``out``.
        overwrite: Delete the run in the folder, and start anew.
        batch_size: Images a call of the model; chosen if absent.
        precision: How a module screens images before it scores the promising ones in fp32:
            ``auto``, ``bf16``, ``fp16``, or ``fp32`` for no screening.
        max_queries: How many images may be sent in all to a target that costs something.
        max_requests: How many requests may be sent in all to a target that costs something.
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
    given = {name: value for name, value in locals().items() if name not in {"model", "out"}}
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
    others = {"model", "out", *_ArgumentChecks.model_fields}
    fields: Any = {name: (kind, ...) for name, kind in own.items() if name not in others}
    return create_model("Arguments", __base__=_ArgumentChecks, **fields)


def _run(model: Any, arguments: Any, folder: Path | None) -> Run:
    target, manager, files = _target(model, arguments), PluginManager(), arguments.plugins
    files = [files] if isinstance(files, str | Path) else files
    paths = tuple(Path(file).expanduser().absolute() for file in files)
    for path in paths:
        manager.load_files(path)
    # An encoding's options may have a class method that says which serve images of a size best.
    suiting = getattr(manager.load("encoding", arguments.encoding).options, "suiting", None)
    chosen = {**(suiting(target.spec) if suiting else {}), **(arguments.encoding_options or {})}
    name = _model_name(model)
    given = vars(arguments) | {"model": name, "name": arguments.name or safe_name(name.lower())}

    def part(model: type[ModelT]) -> ModelT:
        return model.model_validate({k: given[k] for k in model.model_fields if k in given})

    experiment = Experiment(
        general=part(GeneralSettings),
        calls=part(CallSettings),
        target=choice_of(target, part(ModelSource)),
        encoding=choose(manager, "encoding", arguments.encoding, chosen),
        scheme=choose(manager, "scheme", arguments.scheme, arguments.scheme_options or {}),
        showing=choose_view_settings(manager, arguments.views),
        plugin_paths=paths,
    )
    experiment = replace(experiment, text="# Made by neatfool.fool.\n" + experiment.to_ini())
    if folder is not None and arguments.resume_run:
        from neatfool.evolution.resuming import resume

        session = resume(lambda _, plan: assemble(experiment, plan), folder)
    else:
        session = _start(experiment, folder, overwrite=arguments.overwrite)
    return _go(session, manager, progress=arguments.progress)


def _go(session: Session, plugins: PluginManager, *, progress: bool) -> Run:
    from neatfool.evolution.interrupts import interruptible
    from neatfool.evolution.progress import ProgressDisplay

    if progress:
        from rich.console import Console

        console = Console(file=sys.stderr, highlight=False)
        if description := session.description:
            console.print(description, soft_wrap=True, markup=False)
        plugins.register_object(ProgressDisplay(console, session), "progress")
    with interruptible(at_once=session.ledger is not None) as stop:
        outcome = session.go(plugins.observers(), stop)
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
    channels, height, width = arguments.image
    open_ended = isinstance(model, Target) and model.spec.open
    classes, alone = tuple(arguments.classes), arguments.outputs == "multi_label"
    if not isinstance(model, Target):
        classes = distinct_names(classes)
    if len(classes) < 2 and not (open_ended or alone):
        raise ExperimentError(
            "classes: a classifier has at least two; give all of them. A model with one number "
            "for two classes has both, too: classes=['no', 'yes']"
        )
    if isinstance(model, Target) and arguments.outputs is not None:
        raise ExperimentError(
            "outputs: is for a torch module or a function; a target's spec says what scores are"
        )
    try:
        spec = ImageSpec(height, width, channels, classes, sums_to_one=not alone, open=open_ended)
    except ValueError as error:
        fault = f"image: {error}; give (channels, height, width), not {tuple(arguments.image)}"
        if width in {1, 3} and not isinstance(model, torch.nn.Module | Target):
            fault = f"{fault}: image={(width, channels, height)}; {AS_CHANNELS_LAST}"
        raise ExperimentError(fault) from error
    mean, std = arguments.mean, arguments.std
    if not isinstance(model, torch.nn.Module) and (mean, std) != (None, None):
        raise ExperimentError(
            "mean, std: are for a torch module; subtract and divide in the function itself"
        )
    if (mean is None) != (std is None):
        missing, neutral = ("mean", 0) if mean is None else ("std", 1)
        fault = f"{missing}: missing; mean and std go together"
        raise ExperimentError(f"{fault}. If the model has none, give {missing}={neutral}")
    how = {"mean": mean, "std": std, "device": arguments.device, "outputs": arguments.outputs}
    return target_of(adapt_if_whole(model, Target), spec, **how)


def _argument(section: str, key: str) -> str:
    if section in {"encoding", "scheme"}:
        of_the_name = key.partition(" ")[0] == "plugin"
        return key.replace("plugin", section, 1) if of_the_name else f"{section}_options: {key}"
    return f"views {key}" if section == "views" else key


def _model_name(model: Any) -> str:
    model = unwrap(model) if isinstance(model, torch.nn.Module) else model
    model = inspect.unwrap(model) if inspect.isroutine(model) else model
    named = getattr(model, "__name__", None) or type(model).__name__
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
    try:
        return start(assembly, new)
    except BaseException:
        with suppress(OSError):  # something is in it
            new.rmdir()
        raise
