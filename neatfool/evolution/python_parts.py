"""Schemes and encodings made from Python objects: a class, or a function that makes one."""

import hashlib
import inspect
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, create_model
from pydantic_core import PydanticSerializationError

from neatfool.errors import ExperimentError, PluginError
from neatfool.evolution.python_target import PythonRegistration, source_of
from neatfool.experiment.framework import check_classes
from neatfool.experiment.plugin_choice import PluginChoice
from neatfool.experiment.single_choice import choose_registered
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS, Registration
from neatfool.run.folder import FROM_PYTHON
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.target import Target

GIVEN: Final = {"encoding": ("spec",), "scheme": ("encoding", "spec", "seed", "target")}
"""What neatfool gives a factory of each kind, besides its options."""

_Parameters: TypeAlias = Mapping[str, inspect.Parameter]


class PartRegistration(PythonRegistration):
    """A scheme or an encoding whose class takes its options as keyword arguments."""

    def make(self, options: BaseModel, **given: Any) -> Any:
        """Call the class with its options, and with what it has parameters for."""
        parameters = _parameters(self.maker)
        taken = {name for name in given if name in parameters or _takes_all(parameters)}
        values = {name: getattr(options, name) for name in type(options).model_fields}
        return super().make(**{name: given[name] for name in taken}, **values)


def choose_part(
    plugins: PluginManager,
    kind: str,
    part: str | Callable[..., Any],
    options: Mapping[str, Any] | None = None,
    spec: ImageSpec | None = None,
) -> PluginChoice:
    """Choose a scheme or an encoding by its name, or one from Python, for a run of ``fool``.

    Raises:
        ExperimentError: An option is wrong, or the part is neither a name nor a class.
        PluginError: There is no plugin of this name, or it is broken.
    """
    made = register_part(plugins, kind, part, options or {})
    # An encoding's options may have a class method that says which serve images of a size best.
    suiting = getattr(made.options, "suiting", None)
    suited = suiting(spec) if suiting and spec else {}
    choice = choose_registered(plugins, made, {**suited, **(options or {})})
    try:
        choice.sections()
    except PydanticSerializationError as error:
        advice = "give numbers, texts and lists of them, which a run can record"
        raise ExperimentError(f"{kind}_options: {error}; {advice}") from error
    return choice


def register_part(
    plugins: PluginManager, kind: str, part: str | Callable[..., Any], options: Iterable[str]
) -> Registration:
    """Load a plugin by its name, or register a class or a function; ``options`` are those given."""
    if isinstance(part, str):
        return plugins.load(kind, part)
    if not (inspect.isclass(part) or inspect.isroutine(part)):
        fault = f"{reprlib.repr(part)} is neither a name nor a class"
        advice = f"give the class of your {kind}, not an object: the run makes that with its seed"
        raise ExperimentError(f"{kind}: {fault}; {advice}")
    name, digest = part.__name__, hashlib.sha256(source_of(part)).hexdigest()[:16]
    parameters, label = _parameters(part), f"{kind} {part.__name__!r} (from Python)"
    model, as_object = _model_of(parameters)
    if model is None:
        # Parameters say which options there are, unless they take all that may be given.
        given = {*options} - {*RESERVED_KEYS[kind]} if as_object or _takes_all(parameters) else ()
        own = {} if as_object else {n: p for n, p in parameters.items() if n not in GIVEN[kind]}
        model = _make_model(own, given, label)
    made = PythonRegistration if as_object else PartRegistration
    return made(f"{FROM_PYTHON}:{name}@{digest}", kind, part, model, label)


_OPTIONS: Final = {"options", "_"}
"""The names of a first parameter that takes the options as an object, as of a plugin's factory."""
_VARIABLE: Final = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def _parameters(part: Callable[..., Any]) -> _Parameters:
    for evaluated in (True, False):  # an annotation may name what only a type checker imports
        try:
            return inspect.signature(part, eval_str=evaluated).parameters
        except (NameError, TypeError, ValueError):
            continue
    return {}


def _takes_all(parameters: _Parameters) -> bool:
    return any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _model_of(parameters: _Parameters) -> tuple[type[BaseModel] | None, bool]:
    """Give the pydantic model of the first parameter, and whether that takes the options at all."""
    for first in parameters.values():
        model: Any = first.annotation
        if inspect.isclass(model) and issubclass(model, BaseModel):
            return model, True
        return None, first.name in _OPTIONS and first.kind not in _VARIABLE
    return None, False


def _make_model(own: _Parameters, given: Iterable[str], label: str) -> type[BaseModel]:
    """Make an options model of a class's own parameters, and of names that may be anything."""
    fields: dict[str, Any] = dict.fromkeys(given, (Any, ...))
    for name, each in own.items():
        if each.kind not in _VARIABLE:
            known = not isinstance(each.annotation, str) and each.annotation is not each.empty
            default = ... if each.default is each.empty else each.default
            fields[name] = each.annotation if known else Any, default
    settings = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    try:
        return create_model("Options", __config__=settings, **fields)
    except Exception as error:
        raise PluginError(f"{label}: its parameters cannot be options: {error}") from error


def make_encoding(
    encoding: str | Callable[..., Encoding[Any]], /, spec: ImageSpec, **options: Any
) -> Encoding[Any]:
    """Make an encoding, to try it or to build another one around it.

    For example::

        encoding = neatfool.make_encoding("cppn", target.spec, preset="patterns")

    Args:
        encoding: The name of an encoding; or a class or a function, as for :func:`neatfool.fool`.
        spec: The images that it renders.
        options: Its options, as in section ``[encoding]``.

    Raises:
        ExperimentError: An option is wrong.
        PluginError: The encoding is missing or broken.
    """
    choice = choose_part(PluginManager(), "encoding", encoding, options)
    made: Encoding[Any] = choice.make(spec=spec)
    return made


def make_scheme(
    scheme: str | Callable[..., Scheme],
    /,
    encoding: Encoding[Any],
    *,
    spec: ImageSpec,
    seed: int = 1,
    target: Target | None = None,
    **options: Any,
) -> Scheme:
    """Make a scheme, to try it or to build another one around it.

    For example::

        scheme = neatfool.make_scheme("map_elites", encoding, spec=target.spec, batch=50)

    Args:
        scheme: The name of a scheme; or a class or a function, as for :func:`neatfool.fool`.
        encoding: What breeds its candidates.
        spec: The images and the classes.
        seed: Where all its chance comes from.
        target: Gives gradients to a scheme that uses them.
        options: Its options, as in section ``[scheme]``.

    Raises:
        ExperimentError: An option is wrong.
        PluginError: The scheme is missing or broken.
    """
    choice = choose_part(PluginManager(), "scheme", scheme, options)
    check_classes(choice, spec)
    more = choice.registration.accepted_arguments(target=target) if target is not None else {}
    made: Scheme = choice.make(encoding=encoding, spec=spec, seed=seed, **more)
    return made
