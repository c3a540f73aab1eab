"""Checks that an observer can follow a run, from its start and from where it is resumed."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from neatfool.testing.expectation import CheckResult
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.evolution.assembly import Assembly
    from neatfool.plugin.observers import Observers


def check_observer(observer: object) -> list[CheckResult]:
    """Let an observer follow a tiny run, and the same run resumed.

    Args:
        observer: The module or object that has the hooks.

    Returns:
        Two results; a failure's message lists what each hook raised.

    Raises:
        PluginError: It has no hook, or a misspelt one, or one with wrong arguments.
    """
    from neatfool.plugin.manager import PluginManager

    plugins = PluginManager()
    plugins.register_object(observer, getattr(observer, "__name__", type(observer).__name__))
    return check_observers(plugins.observers())


def check_observers(observers: Observers) -> list[CheckResult]:
    """Do the same for the observers that ``PluginManager.observers()`` gives."""
    from neatfool.evolution.session import resume, start

    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / "toy-1"
        with _complaints() as started:
            start(_assembly(generations=3), folder).go(observers)
        with _complaints() as resumed:
            resume(lambda _resolved, _plan: _assembly(generations=5), folder).go(observers)
    return [
        CheckResult("follows a run", not started, "; ".join(started)),
        CheckResult("follows a resumed run", not resumed, "; ".join(resumed)),
    ]


def _assembly(generations: int) -> Assembly:
    from neatfool.evolution.assembly import Assembly
    from neatfool.evolution.loop import Limits
    from neatfool.scoring.plan import Plan
    from neatfool.scoring.scorer import Scorer

    encoding = ToyEncoding()
    resolved = {
        "experiment": {"name": "toy", "seed": 1, "generations": generations},
        "target": {"plugin": "toy"},
        "encoding": {"plugin": "toy"},
        "scheme": {"plugin": "toy"},
    }
    return Assembly(
        name="toy",
        seed=1,
        limits=Limits(generations=generations),
        scorer=Scorer(ToyTarget(), name="toy", plan=Plan(8), fingerprint="toy"),
        spec=TOY_SPEC,
        encoding=encoding,
        encoding_name="encoding 'toy'",
        scheme=ToyScheme(encoding, TOY_SPEC, 1),
        scheme_name="scheme 'toy'",
        resolved=resolved,
        identity={"experiment": {"name": "toy"}},
        text="",
    )


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect the log messages about observers that raise."""
    messages: list[str] = []
    logger = logging.getLogger("neatfool.observers")
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
