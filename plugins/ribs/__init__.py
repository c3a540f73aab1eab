"""Scheme ``ribs``: CMA-ME varies the weights of networks, and the niches are the classes.

An *emitter* proposes weights and biases for one network by pyribs' CMA-ES (https://pyribs.org), and
learns from how far each proposal improves the archive: first images of a class count most, then the
largest gain in log-odds over all niches. A network stays as it is while its emitter
works; when the emitter starts again, it does so at a child of an elite, so structure still evolves.

The module :mod:`.scheme` has an emitter at work, all of them side by side, and what they learn.
"""

from typing import Any, Final

from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt

from neatfool import ClassNames, ImageSpec, hookimpl

LARGEST_GENERATION: Final = 100_000
"""A generation has at most this many candidates, because its images are all in memory at once."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the scheme ``ribs``."""

    emitter_count: PositiveInt = Field(10, le=1000)
    """how many emitters work side by side"""
    batch_per_emitter: int = Field(20, ge=2, le=10_000)
    """candidates of each emitter in each generation"""
    initial: PositiveInt | None = Field(None, le=LARGEST_GENERATION)
    """candidates in the first, random generation. If left out, as many as in the others"""
    classes: ClassNames = []
    """the classes to search, by name or index; `@FILE` stands for the lines of a file. If left out,
    all"""
    sigma: PositiveFloat = 1.0
    """how far, at first, weights are from those that their emitter starts at: a standard
    deviation"""
    restart_after: NonNegativeInt = 1
    """an emitter starts again elsewhere after this many generations without an improvement. 0: only
    when its strategy has converged"""

    @property
    def batch(self) -> int:
        """The candidates of a generation."""
        return self.emitter_count * self.batch_per_emitter

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Give the values of keys that are left out."""
        return {"initial": self.batch}


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("ribs", f"{__name__}.scheme:Ribs", options=Options)
