"""What measures share: which run a finding is of, steps of scoring, classes of two networks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from neatfool.fooling.elites import check_classes as check_classes
from neatfool.fooling.elites import image_features as image_features
from neatfool.fooling.elites import join_spaces as join_spaces
from neatfool.present.finding import Facts, Finding
from neatfool.run.images import from_pillow as from_pillow
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

FEW: Final = 50
"""Of fewer images, one is more than 2 %."""
AT_A_TIME: Final = 64
"""Images that are scored together, at least: enough for concurrent calls."""


class RunFacts(Facts):
    """What a measure says of a run."""

    path: str = Field(description="the run's folder")
    name: str = Field(description="the run's name")
    seed: int = Field(description="the run's seed")
    evaluations: int = Field(description="how many images the run had scored")
    elites: int = Field(description="how many of its elites were looked at")
    elites_of_run: int = Field(description="how many elites it has")

    @staticmethod
    def facts(run: Run, elites: int) -> dict[str, Any]:
        """Give these fields for a run of which some elites were looked at."""
        facts = {name: getattr(run, name) for name in ("name", "seed", "evaluations")}
        return facts | {"path": str(run.path), "elites": elites, "elites_of_run": len(run)}

    @property
    def label(self) -> str:
        """The run: ``"imagenet, seed 1"``."""
        return f"{self.name}, seed {self.seed}"

    @property
    def subject(self) -> str:
        """What was looked at: ``"imagenet, seed 1, after 8,000 images: 20 elites of 1,000"``."""
        of_all = f" of {self.elites_of_run:,}" if self.elites < self.elites_of_run else ""
        count = counted(self.elites, "elite", "elites")
        images = counted(self.evaluations, "image", "images")
        return f"{self.label}, after {images}: {count}{of_all}"


def batch_slices(count: int, *scorers: Scorer) -> list[slice]:
    """Divide things to score into whole batches of the scorer with the largest ones."""
    largest = max((scorer.batch_size for scorer in scorers), default=1)
    step = -(-AT_A_TIME // largest) * largest
    return [slice(start, start + step) for start in range(0, count, step)]


class MultiRunResult(Finding):
    """A finding on one run or several."""

    runs: tuple[RunFacts, ...]

    @property
    def title(self) -> str:
        """The runs' names."""
        return " · ".join(dict.fromkeys(run.name for run in self.runs))


def find_class(elite: EliteView, classes: Sequence[str]) -> int:
    """Find an elite's class in a list by its name, of several by its index; -1 if it has none."""
    if elite.name in classes[elite.index : elite.index + 1]:
        return elite.index
    return classes.index(elite.name) if elite.name in classes else -1


def _ways(name: str) -> list[list[str]]:
    """Give what a name is compared by, the surest way first: a ``Cardigan`` is no ``cardigan``."""
    synonyms = [part.strip() for part in name.split(",") if part.strip()]
    plain, *plains = (" ".join(t.replace("_", " ").split()).casefold() for t in [name, *synonyms])
    return [[name], [plain], synonyms[:1], synonyms, plains[:1], plains]


def match_classes(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """Find the same classes in two lists, by names of which only one fits: ours, and theirs."""
    if [*ours] == [*theirs]:  # where two classes may have one name
        return {place: place for place in range(len(ours))}
    found: dict[int, int] = {}
    of_ours, of_theirs = [*map(_ways, ours)], [*map(_ways, theirs)]
    for way in range(6):
        places: dict[str, set[int]] = defaultdict(set)
        for place in {*range(len(theirs))} - {*found.values()}:
            for key in of_theirs[place][way]:
                places[key].add(place)
        claims: dict[int, set[int]] = defaultdict(set)
        for index in {*range(len(ours))} - {*found}:
            keys = of_ours[index][way]
            fitting = {place for key in keys for place in places.get(key, ())}
            if len(fitting) == 1:
                claims[fitting.pop()].add(index)
        found |= {claim.pop(): place for place, claim in claims.items() if len(claim) == 1}
    return found
