"""Scheme ``ribs``: pyribs' emitters vary the numbers of genomes, and the niches are the classes.

An *emitter* of pyribs (https://pyribs.org) proposes vectors of numbers and learns from what becomes
of them. Here the numbers are the weights and biases of a CPPN, or the pixels of an image. A network
stays as it is while an emitter varies its weights; when the emitter starts again, it does so at a
child of an elite, so structure still evolves.

The modules: :mod:`.emitter` is one emitter at work; :mod:`.feedback` is what it sees of the archive
and learns of its candidates; :mod:`.scheme` turns genomes into vectors, and has all take turns.
"""

from typing import Any, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from neatfool import ClassNames, ImageSpec, hookimpl

LARGEST_GENERATION: Final = 100_000
"""A generation has at most this many candidates, because its images are all in memory at once."""

EmitterName: TypeAlias = Literal["evolution_strategy", "gaussian", "iso_line", "genetic"]
RankerName: TypeAlias = Literal[
    "improvement", "two_stage_improvement", "objective", "two_stage_objective", "random_direction",
    "two_stage_random_direction", "novelty", "local_competition", "dominated_novelty",
]  # fmt: skip
RANKERS: Final[tuple[str, ...]] = get_args(RankerName)
OF_THE_MEMORY: Final = RANKERS[-3:]
"""These rank by what is new, compared with a memory of earlier candidates."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the scheme ``ribs``."""

    emitter: list[EmitterName] = Field(["evolution_strategy"], min_length=1)
    """what proposes candidates: `evolution_strategy`, `gaussian`, `iso_line` or `genetic`. Of a
    list, the emitters take turns"""
    emitter_count: PositiveInt = Field(10, le=1000)
    """how many emitters work side by side"""
    batch_per_emitter: int = Field(20, ge=2, le=10_000)
    """candidates of each emitter in each generation"""
    initial: PositiveInt | None = Field(None, le=LARGEST_GENERATION)
    """candidates in the first, random generation. If left out, as many as in the others"""
    classes: ClassNames = []
    """the classes to search, by name or index; `@FILE` stands for the lines of a file. If left out,
    all"""
    sigma: PositiveFloat | None = None
    """how far, at first, candidates are from where their emitter starts: a standard deviation. For
    pixels, 1 is from black to white. If left out, 1 for weights and 0.1 for pixels"""
    strategy: Literal["cma_es", "sep_cma_es", "lm_ma_es"] = "cma_es"
    """for `evolution_strategy`: how it adapts. `cma_es` learns how all numbers go together,
    `sep_cma_es` how far each goes, and `lm_ma_es` a few directions. With more than 1500 numbers use
    one of the last two"""
    ranker: list[RankerName] = Field(
        ["two_stage_improvement"],
        min_length=1,
        description="for `evolution_strategy`: what it ranks candidates by: "
        + ", ".join(f"`{name}`" for name in RANKERS[:-1])
        + f" or `{RANKERS[-1]}`. Of a list, the emitters take turns",
    )
    selection: Literal["filter", "mu"] = "filter"
    """for `evolution_strategy`: which candidates it learns from. `filter`: those that entered the
    archive. `mu`: the better half"""
    threshold_rate: float = Field(1.0, gt=0, le=1)
    """how fast what counts as an improvement follows the elites. 1: a candidate must beat the
    elite, as in CMA-ME. Less: it must beat a threshold that goes up by this part of the way, as in
    CMA-MAE. The elites themselves are as before"""
    restart_after: NonNegativeInt = 1
    """an emitter starts again elsewhere after this many generations without an improvement. 0: only
    when its strategy has converged"""
    restart_at: Literal["child", "elite"] = "child"
    """where an emitter starts again. `child`: at a child of an elite, so that its network may be
    another one. `elite`: at the elite itself"""
    line_sigma: NonNegativeFloat = 0.2
    """for `iso_line`, and for `genetic` with that operator: how far a candidate goes along the line
    from one elite to another, as a part of that line"""
    operator: Literal["gaussian", "iso_line"] = "iso_line"
    """for `genetic`: how it varies elites"""
    neighbours: PositiveInt = 15
    """for rankers of novelty: the number of nearest candidates that one is compared with"""
    novelty_threshold: NonNegativeFloat = 1.0
    """for `novelty` and `local_competition`: how far from its neighbours a candidate must be to be
    remembered, in log-probabilities"""
    memory: int = Field(1000, ge=2, le=100_000)
    """for rankers of novelty: candidates that are remembered, the last ones; for
    `dominated_novelty` the best ones"""

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
