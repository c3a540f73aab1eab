"""A run, for reading: its elites, their images, graphs and ancestors."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from PIL import Image

from neatfool.errors import ExperimentError, RunError
from neatfool.files import Json
from neatfool.run.images import to_pillow
from neatfool.run.individual import Ancestor, EliteView, height_width
from neatfool.run.record import RunRecord
from neatfool.run.schema import StoredElite
from neatfool.run.statistics import TOLERANCE, GenerationReport
from neatfool.wording import counted

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from neatfool.run.population import Population
    from neatfool.run.verdict import Verdict


class Run(RunRecord):
    """A run's folder, for reading.

    It shows the run at one instant, even while another process continues it. :meth:`refresh`
    updates it.

    Attributes:
        path: The folder.
        trusted: Whether its user agreed to what its record loads and contacts.
    """

    @property
    def ended(self) -> bool:
        """Whether the search ended by itself, with nothing left to do."""
        return bool(self.info.get("ended_after") == self.generation)

    @property
    def finished(self) -> bool:
        """Whether the run has come to the length that its experiment gives it, or has ended."""
        length = self.experiment.get("experiment", {})
        return self.has_reached(length.get("generations"), length.get("images"))

    def has_reached(self, generations: int | None, images: int | None) -> bool:
        """Say whether the run has so many generations, or else images, or has ended."""
        if self.ended:
            return True
        if generations is not None:
            return self.generation + 1 >= generations
        # Each candidate counts as all its views, so the last images may not suffice for one.
        views = self.experiment.get("views", {}).get("number", 1)
        full = self.info.get("full_of", 0)
        return bool(self.evaluations + views > (images or 0) or full >= (images or 0))

    @property
    def generation(self) -> int:
        """The last generation, -1 before the first."""
        return self._snapshot.generation

    @property
    def evaluations(self) -> int:
        """Images scored so far."""
        return self.store.evaluations(self.generation)

    @property
    def history(self) -> list[GenerationReport]:
        """The statistics of each generation."""
        return self.store.reports(last=self.generation)

    @property
    def replacements(self) -> list[tuple[int, int, float, float]]:
        """Each niche that changed hands, in order: generation, class index, score, rank."""
        return self.store.replacements(self.generation)

    def since(
        self, first: int
    ) -> tuple[list[GenerationReport], list[tuple[int, int, float, float]]]:
        """Give ``history`` and ``replacements`` from a generation on: those that are new."""
        last = self.generation
        return self.store.reports(first, last), self.store.replacements(last, first)

    def frame(self) -> pd.DataFrame:
        """Give the history as a pandas data frame, with a row for each generation.

        The columns are the attributes of :class:`neatfool.GenerationReport`. In place of
        ``classes_ge`` and ``stages`` there is a column for each of their numbers; those of
        ``classes_ge`` are a classifier's only.

        Raises:
            ExperimentError: pandas is not installed.
        """
        from neatfool.run.frames import history_frame

        return history_frame(self.history, is_objective=self.spec.is_objective)

    def archive(self) -> pd.DataFrame:
        """Give the elites as a pandas data frame, with a row for each niche that is filled.

        Its columns are ``index`` and ``niche``, ``objective`` (the score), ``rank``, ``candidate``,
        ``generation``, ``nodes``, ``connections`` and, if the target has a grid, ``measures_0``,
        ``measures_1``, …. So pyribs' visualizers take it::

            archive = ribs.archives.GridArchive(solution_dim=1, dims=(20, 20), ranges=[(0, 1)] * 2)
            ribs.visualize.grid_archive_heatmap(archive, df=run.archive())

        Raises:
            ExperimentError: pandas is not installed.
        """
        from neatfool.run.frames import archive_frame

        return archive_frame(self.elites)

    @property
    def ranks(self) -> tuple[float, float]:
        """The median and the lowest rank of the elites; they differ even for certainties."""
        held = {elite.class_index: elite.rank for elite in self._snapshot.elites}
        ranks = [held.get(index, -math.inf) for index in self.searched] or [0.0]
        return median(ranks), min(ranks)

    @property
    def rejected(self) -> int:
        """How many elites are rejected: the target is surest that they show nothing."""
        return sum(elite.rejected for elite in self.elites) if self.spec.nothing else 0

    @property
    def above_threshold(self) -> tuple[int, int] | None:
        """Count the classes whose elite has the confidence from which its user believes it.

        Returns:
            How many have, and how many classes have such a threshold; None without
            ``[target] threshold``.
        """
        threshold = self.experiment.get("target", {}).get("threshold")
        if threshold is None:
            return None
        least = dict.fromkeys(self.searched, threshold)
        if isinstance(threshold, dict):
            by_class = {self.spec.class_index(name): each for name, each in threshold.items()}
            least = {index: by_class[index] for index in self.searched if index in by_class}
        held = [(each.class_index, each.score) for each in self._snapshot.elites]
        return sum(sure >= least.get(index, math.inf) for index, sure in held), len(least)

    @property
    def requests(self) -> dict[str, tuple[int, int]]:
        """The requests to a metered target: (requests, images) by outcome."""
        return self._snapshot.requests

    @property
    def elites(self) -> list[EliteView]:
        """The elites, in the order of their classes."""
        candidate = cache(self.store.candidate)  # one may hold many niches
        return [EliteView(self, each, candidate(each.candidate)) for each in self._snapshot.elites]

    def _view(self, elite: StoredElite) -> EliteView:
        return EliteView(self, elite, self.store.candidate(elite.candidate))

    def elite(self, name: str | int) -> EliteView:
        """Give the elite of a class.

        Args:
            name: The class, by name or index.

        Raises:
            ExperimentError: The target has no such class.
            RunError: The class has no elite (yet).
        """
        index = self.spec.class_index(name)
        for stored in self._snapshot.elites:
            if stored.class_index == index:
                return self._view(stored)
        name = f"{self.spec.niche_name} {self.classes[index]!r}"
        raise RunError(f"{self.path}: {name} has no elite")

    def best(self) -> EliteView:
        """Give the elite of the highest rank, the first class's among equals; RunError if none.

        Confidences do not order a classifier's elites: many round to 1.0. See ``EliteView.rank``.
        """
        if not self._snapshot.elites:
            raise RunError(f"{self.path}: the run has no elites yet; let it go on for a while")
        return self._view(max(self._snapshot.elites, key=lambda elite: elite.rank))

    def holders(self, least: float = -math.inf) -> list[tuple[int, int, float]]:
        """List all that ever held a niche: class index, candidate id, score.

        They come in the order of their classes, the first holder of each first, its elite last.

        Args:
            least: Only those with at least this score.
        """
        order = "WHERE generation <= ? AND score >= ? ORDER BY class, number"
        names = "class, candidate, score"
        parameters = self.generation, least
        return [(*row,) for row in self.store.rows("replacement", order, parameters, names=names)]

    def holder(self, index: int, candidate_id: int) -> EliteView:
        """Give one of :meth:`holders`. If it was replaced since, its genome draws its image again.

        Raises:
            RunError: It never held the niche of this class.
        """
        for class_index, *scored in self.store.won(candidate_id):
            if class_index == index:
                return self._view(StoredElite(index, candidate_id, *scored))
        fault = f"candidate {candidate_id} never held {self.spec.niche_name} {index}"
        raise RunError(f"{self.path}: {fault}")

    def __getitem__(self, name: str | int) -> EliteView:
        """Give the elite of a class; see :meth:`elite`."""
        return self.elite(name)

    def __iter__(self) -> Iterator[EliteView]:
        """Go through the elites."""
        return iter(self.elites)

    def __len__(self) -> int:
        """Count the classes that have an elite."""
        return len(self._snapshot.elites)

    def population(self) -> Population:
        """Give the last members of the search: their genomes, images and scores as arrays.

        These are the elites, and the whole population if the scheme keeps one.
        """
        from neatfool.run.population import Population

        elites = self._snapshot.elites
        ids = {each.candidate for each in elites} | {*self.store.members()}
        return Population(self, sorted(ids), elites)

    def lineage(self, name: str | int) -> list[Ancestor]:
        """Follow an elite back to generation 0, through the fitter parent each time.

        Args:
            name: The class, by name or index.

        Returns:
            The elite's own candidate first, the random genome of generation 0 last.
        """
        line: list[Ancestor] = []
        parents: tuple[int, ...] = (self.elite(name).candidate_id,)
        while parents:
            line.append(Ancestor(self, self.store.candidate(parents[0])))
            parents = line[-1].parents
        return line

    def phylogeny(self, *, elites: bool = False, kinds: bool = True) -> nx.DiGraph:
        """Give all that ever held a niche and their ancestors, as a graph from parent to child.

        A node is a candidate's id. It has ``generation``, ``kind`` ("first", "bred" or "learned"),
        ``held`` (the score in each class that it took, surest first) and ``elite`` (whether it
        holds one now). An edge's ``position`` is 0 from the fitter parent, which :meth:`lineage`
        follows. ``elites`` leaves only these and their ancestors. Without ``kinds``, what was
        learned counts as bred; this is faster.
        """
        from neatfool.run.phylogeny import make_phylogeny

        learns = kinds and bool(self.experiment.get("scheme", {}).get("learn"))
        holders = {elite.candidate for elite in self._snapshot.elites}
        return make_phylogeny(self.store, self.generation, holders, learns, elites)

    def render(self, genome: Any, size: int | tuple[int, int] | None = None) -> Image.Image:
        """Draw any genome of the run's encoding, perhaps one made from a changed graph.

        Args:
            genome: A genome of the run's encoding.
            size: Pixels of the longer side, or (height, width); the target's size if absent.

        Raises:
            ExperimentError: It is not such a genome, or there is no such size.
        """
        height, width = height_width(self.spec, size)
        return to_pillow(self.encoding.render_at(self.fit(genome), height, width).numpy())

    def score(self, genome: Any, model: Any = None) -> dict[str, float]:
        """Score a genome as the run did, at the target's size and rounded to bytes.

        The target is loaded once, and kept until :meth:`close`. If it is metered, each
        call is a query of the run's budget.

        Args:
            genome: A genome of the run's encoding.
            model: As in :meth:`verify`; it is kept for further calls.

        Returns:
            The score in each class, by its name; with a grid, only in its own cell.

        Raises:
            ExperimentError: The genome is not one of the run's encoding.
            RunError: The run needs its model again, or another process is running it.
            TargetError: The target failed, or gave no usable score.
            BudgetSpent: The budget does not allow it.
        """
        raise self.only_read()

    def fit(self, genome: Any) -> Any:
        """Check that a genome is one of the run's encoding, as if it came from the database."""
        try:
            return self.encoding.loads(self.encoding.dumps(genome))
        except (ValueError, AttributeError, TypeError) as error:
            fault = f"no genome of this run: {error}; give the genome of an elite"
            if hasattr(genome, "edges"):
                fault = "a graph is no genome; give neatfool.cppn.from_graph(graph)"
            raise ExperimentError(f"{self.path}: {fault}") from error

    def verify(
        self, model: Any = None, *, tolerance: float = TOLERANCE, max_queries: int | None = None
    ) -> Verdict:
        """Score the saved images again, and compare with the recorded scores.

        If the target is metered, each image is a query of the run's budget.

        Args:
            model: The model that scores. By default the target of the run's experiment, or the
                model just given to :func:`neatfool.fool`. A run of :func:`neatfool.fool` that was
                opened later needs its model again, here or in :func:`neatfool.open_run`.
            tolerance: The largest difference to the recorded score that still counts as equal.
            max_queries: A larger budget than the run's.

        Returns:
            The score of each image, and which images differ from the record.

        Raises:
            VerificationError: An image's file is missing or damaged, or there is none yet.
            RunError: The run needs its model again, or another process is running it.
            TargetError: The target failed.
            BudgetSpent: The budget does not allow all images.
        """
        raise self.only_read()

    def report(self) -> Path:
        """Write ``report.html``, which needs no network, into the run's folder; return its path.

        Raises:
            StorageError: It cannot be written.
        """
        raise self.only_read()

    def summary(self) -> dict[str, Json]:
        """Summarise the run, as ``neatfool show --json`` does."""
        history = self.history
        last = history[-1] if history else None
        seconds = sum(report.stages.elapsed for report in history)
        of_classifiers = {
            "classes_ge_0.99": last.classes_ge[2] if last else 0,
            "classes_ge_0.9999": last.classes_ge[3] if last else 0,
            "nothing": list(self.spec.nothing),
            "rejected": self.rejected,
            "above_threshold": self.above_threshold,
        }
        return {
            "name": self.name,
            "seed": self.seed,
            "generation": self.generation,
            "evaluations": self.evaluations,
            "evaluations_per_s": self.evaluations / seconds if seconds else 0.0,
            "median": last.median if last else 0.0,
            "mean": last.mean if last else 0.0,
            "min": last.minimum if last else 0.0,
            "filled": last.filled if last else 0,
            "niches": len(self.searched),
            **({} if self.spec.is_objective else of_classifiers),
            "statistics": last.row() if last else {},
            "classes": [elite.summary() for elite in self.elites],
        }

    def _repr_html_(self) -> str:
        last = self.history[-1:]
        median = ""
        if last:
            written = self.spec.format_score(last[0].median, self.ranks[0])
            median = f", median {self.spec.score_name} {written}"
        figures = "".join(elite._repr_html_() for elite in self.elites[:100])
        return (
            f"<div><b>{html.escape(self.name)}</b>, seed {self.seed}: generation "
            f"{self.generation}, {counted(self.evaluations, 'image', 'images')}{median}</div>"
            f'<div style="display:flex;flex-wrap:wrap;gap:12px">{figures}</div>'
        )

    def __repr__(self) -> str:
        return f"<Run {self.path} generation {self.generation}>"
