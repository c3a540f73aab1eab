"""neatfool shows how easily an image classifier is fooled.

These are the names for users and for authors of plugins; everything else may change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neatfool.errors import (
    BudgetSpent,
    ExperimentError,
    NeatfoolError,
    PluginError,
    RunError,
    StorageError,
    TargetError,
    TargetUnavailable,
    VerificationError,
    nearest,
)
from neatfool.plugin.hookspecs import Register, hookimpl
from neatfool.search.seeds import derive_seed, derive_seeds

if TYPE_CHECKING:
    from neatfool import cppn
    from neatfool.config.annotations import PathAfter
    from neatfool.config.class_names import ClassNames, read_names
    from neatfool.fooling.fool import fool
    from neatfool.network.devices import pick_device
    from neatfool.network.gradients import gradients_of, odds_and_gradients
    from neatfool.network.memory import is_out_of_memory
    from neatfool.network.network import Network
    from neatfool.run.images import decode_png, encode_png
    from neatfool.run.individual import Ancestor, EliteView
    from neatfool.run.inheritance import Inheritance, inherit
    from neatfool.run.run import Run, open_run
    from neatfool.run.statistics import GenerationReport, Outcome
    from neatfool.scoring.ledger import Budget, Ledger
    from neatfool.search.learning import Learner
    from neatfool.search.learning_options import LearningOptions
    from neatfool.spec.archive import Archive, log_odds, rank
    from neatfool.spec.spec import (
        Candidate,
        Elite,
        Encoding,
        GenomeSize,
        ImageSpec,
        Labels,
        Replacement,
        Scheme,
        Scores,
        Target,
        in_generation,
        litter_sizes,
    )

__version__ = "0.1.0"

_LATER = {
    "PathAfter": "config.annotations",
    "Archive": "spec.archive",
    "log_odds": "spec.archive",
    "rank": "spec.archive",
    "ClassNames": "config.class_names",
    "read_names": "config.class_names",
    "pick_device": "network.devices",
    "fool": "fooling.fool",
    "GenerationReport": "run.statistics",
    "Outcome": "run.statistics",
    "gradients_of": "network.gradients",
    "odds_and_gradients": "network.gradients",
    "decode_png": "run.images",
    "encode_png": "run.images",
    "Ancestor": "run.individual",
    "EliteView": "run.individual",
    "Inheritance": "run.inheritance",
    "inherit": "run.inheritance",
    "Learner": "search.learning",
    "LearningOptions": "search.learning_options",
    "Budget": "scoring.ledger",
    "Ledger": "scoring.ledger",
    "is_out_of_memory": "network.memory",
    "Network": "network.network",
    "Run": "run.run",
    "open_run": "run.run",
    **dict.fromkeys(
        (
            "Candidate",
            "Elite",
            "Encoding",
            "GenomeSize",
            "ImageSpec",
            "Labels",
            "Replacement",
            "Scheme",
            "Scores",
            "Target",
            "in_generation",
            "litter_sizes",
        ),
        "spec.spec",
    ),
}

__all__ = [  # noqa: RUF022 - grouped by what they are for
    # fooling
    "fool",
    "open_run",
    "Run",
    "EliteView",
    "Ancestor",
    "cppn",
    # writing plugins
    "hookimpl",
    "Register",
    "ClassNames",
    "PathAfter",
    "read_names",
    "ImageSpec",
    "Scores",
    "Labels",
    "Target",
    "Ledger",
    "Budget",
    "encode_png",
    "decode_png",
    "Network",
    "Encoding",
    "in_generation",
    "litter_sizes",
    "Scheme",
    "GenomeSize",
    "Candidate",
    "Elite",
    "Replacement",
    "Inheritance",
    "inherit",
    "Archive",
    "log_odds",
    "rank",
    "gradients_of",
    "odds_and_gradients",
    "Learner",
    "LearningOptions",
    "GenerationReport",
    "Outcome",
    "derive_seed",
    "derive_seeds",
    "pick_device",
    "is_out_of_memory",
    "nearest",
    # errors
    "NeatfoolError",
    "ExperimentError",
    "PluginError",
    "TargetError",
    "TargetUnavailable",
    "BudgetSpent",
    "RunError",
    "StorageError",
    "VerificationError",
]


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first asked for."""
    if name == "cppn":
        return import_module("neatfool.cppn")
    if name in _LATER:
        return getattr(import_module(f"neatfool.{_LATER[name]}"), name)
    raise AttributeError(f"module 'neatfool' has no attribute {name!r}")
