"""A finding on runs."""

from neatfool.measure.facts import RunFacts
from neatfool.present.finding import Finding


class MultiRunResult(Finding):
    """A finding on one run or several."""

    runs: tuple[RunFacts, ...]

    @property
    def title(self) -> str:
        """The runs' names."""
        return " · ".join(dict.fromkeys(run.name for run in self.runs))
