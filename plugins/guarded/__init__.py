"""Target ``guarded``: another target, with an out-of-distribution (OOD) detector in front.

This module is what an experiment says of it, and :mod:`.target` what is fooled.
:mod:`neatfool.ood` has the detectors; ``neatfool detect`` measures them.
"""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, DirectoryPath, Field, FilePath, field_validator

from neatfool import Access, ExperimentError, ImageSpec, hookimpl, load_experiment
from neatfool.ood import make_detector


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the target ``guarded``."""

    # An experiment file may name Python files.
    guards: Annotated[FilePath, Access.RUNS_CODE]
    """the experiment file whose `[target]` is guarded. Its other sections do not matter"""
    detector: str = "energy"
    """the out-of-distribution (OOD) detector: `msp`, `max_logit`, `energy`, `entropy` or `gen`; or
    `knn`, `mahalanobis`, `vim` or any other `pytorch-ood:NAME`, detectors of the package
    pytorch-ood"""
    in_distribution: DirectoryPath | None = None
    """a folder of in-distribution images, which fit the detector and set its threshold: MNIST's
    four idx files, or images in it and in the folders in it. If left out, the target's own
    photographs"""
    keeps: float = Field(0.95, gt=0, le=1)
    """the least share of in-distribution images that the detector lets pass: of twenty or fewer,
    0.95 is all. 0.99 is the other usual one, and 1 rejects no image, in-distribution or not"""

    @field_validator("detector")
    @classmethod
    def _detector_exists(cls, detector: str) -> str:
        try:
            make_detector(detector)
        except ExperimentError as error:
            raise ValueError(str(error)) from error
        return detector

    def spec(self) -> ImageSpec | None:
        """Tell what the target takes, if the guarded one says so without being made."""
        spec = load_experiment(self.guards, to_search=False).target.spec()
        return None if spec is None else replace(spec, sums_to_one=False)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("guarded", f"{__name__}.target:GuardedTarget.from_options", options=Options)
