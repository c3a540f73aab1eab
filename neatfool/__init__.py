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
from neatfool.hookspecs import Register, hookimpl
from neatfool.seeds import derive_seed, derive_seeds

if TYPE_CHECKING:
    from neatfool import cppn
    from neatfool.annotations import PathAfter
    from neatfool.archive import Archive, log_odds, rank
    from neatfool.class_names import ClassNames, read_names
    from neatfool.devices import pick_device
    from neatfool.fooling import fool
    from neatfool.generation_report import GenerationReport, Outcome
    from neatfool.gradients import gradients_of, odds_and_gradients
    from neatfool.images import decode_png, encode_png
    from neatfool.individual import Ancestor, EliteView
    from neatfool.inheritance import Inheritance, inherit
    from neatfool.learning import Learner
    from neatfool.learning_options import LearningOptions
    from neatfool.ledger import Budget, Ledger
    from neatfool.memory import is_out_of_memory
    from neatfool.network import Network
    from neatfool.run import Run, open_run
    from neatfool.spec import (
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
    "PathAfter": "annotations",
    "Archive": "archive",
    "log_odds": "archive",
    "rank": "archive",
    "ClassNames": "class_names",
    "read_names": "class_names",
    "pick_device": "devices",
    "fool": "fooling",
    "GenerationReport": "generation_report",
    "Outcome": "generation_report",
    "gradients_of": "gradients",
    "odds_and_gradients": "gradients",
    "decode_png": "images",
    "encode_png": "images",
    "Ancestor": "individual",
    "EliteView": "individual",
    "Inheritance": "inheritance",
    "inherit": "inheritance",
    "Learner": "learning",
    "LearningOptions": "learning_options",
    "Budget": "ledger",
    "Ledger": "ledger",
    "is_out_of_memory": "memory",
    "Network": "network",
    "Run": "run",
    "open_run": "run",
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
        "spec",
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
