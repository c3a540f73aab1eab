"""What plugins implement, and what passes between them.

One generation flows one way::

    scheme.ask()                        -> candidates
    encoding.render(genomes)            -> images       uint8 [N, C, H, W]
    target.score(images)                -> Scores       probs [N, K]
    scheme.tell(candidates, scores)     -> replacements
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, runtime_checkable

from neatfool.errors import ExperimentError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import networkx as nx
    import numpy as np
    import torch

    from neatfool.spec.archive import Archive

Genome = TypeVar("Genome")
SHOWN_NAMES: Final = 5
"""The most class names with a text in them that are offered instead of it."""
Json = Any
"""What ``json.dumps`` takes: None, bool, int, float, str, lists and string-keyed dicts of them."""


@dataclass(frozen=True)
class ImageSpec:
    """The images that a target takes and the classes that it gives.

    Attributes:
        height: Pixels from top to bottom, at least 1.
        width: Pixels from left to right, at least 1.
        channels: 1 (grey) or 3 (RGB).
        classes: The class names, in the order of the columns of the target's scores; at least two.
        array: What ``score`` is given: a numpy array or a torch tensor (on the CPU), both
            uint8 [N, C, H, W].
        sums_to_one: Whether the probabilities of an image sum to one. False for a target that
            answers each class by itself, or only its best few.
        open: Whether further classes may turn up while the target is asked, in :class:`Labels`.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    array: Literal["numpy", "torch"] = "numpy"
    sums_to_one: bool = True
    open: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(str(name) for name in self.classes))
        if self.height < 1 or self.width < 1:
            raise ValueError(f"an image of {self.height}x{self.width} pixels: both must be >= 1")
        if self.channels not in (1, 3):
            raise ValueError(f"channels = {self.channels}: must be 1 (grey) or 3 (RGB)")
        if len(self.classes) < 2 and not self.open:
            raise ValueError(f"{len(self.classes)} classes: a classifier has at least two")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width

    def class_index(self, name: str | int) -> int:
        """Find a class by its name, or by its index in figures.

        Args:
            name: A class name, or an index in [0, K). A name made of figures is a name first.

        Returns:
            The index.

        Raises:
            ExperimentError: There is no such class; the message offers the nearest names.
        """
        text = str(name)
        if text in self.classes:
            return self.classes.index(text)
        if text.isdecimal() and int(text) < len(self.classes):
            return int(text)
        hint = "; if it may turn up, name it among the target's classes" if self.open else ""
        raise ExperimentError(f"there is no class {text!r}{self._like(text)}{hint}")

    def _like(self, text: str) -> str:
        """Say which classes may have been meant: those with the text in their names, if any."""
        within = [name for name in self.classes if text.casefold() in name.casefold()]
        if text and 0 < len(within) <= SHOWN_NAMES:
            return f"; did you mean {' or '.join(map(repr, within))}?"
        return nearest(text, self.classes)


@dataclass(frozen=True)
class Scores:
    """What a target says of N images and its K classes.

    Attributes:
        probs: Floats [N, K] in [0, 1], the confidence in each class. A torch tensor or anything
            else that numpy can read is taken too.
        logits: Floats [N, K], the values before the softmax, if the target has them. Selection
            uses them: a float32 softmax reaches exactly 1.0, and search stalls on ties.
        ok: Bools [N], False where an image could not be scored; all True if absent.
        exact: Bools [N], False where the scores are only those of a screening, because they are
            too low to matter: such an image takes no niche. The framework's business: a target
            leaves it absent, which says that all are exact.
    """

    probs: np.ndarray
    logits: np.ndarray | None = None
    ok: np.ndarray | None = None
    exact: np.ndarray | None = None

    def part(self, rows: Any) -> Scores:
        """Give the scores of some images, which are chosen as numpy does."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return Scores(self.probs[rows], part(self.logits), part(self.ok), part(self.exact))


@dataclass(frozen=True)
class Labels:
    """What a target says of N images that names only some classes of each: its best few, say.

    A class that is not named has no confidence, and its niche is not claimed.

    Attributes:
        found: For each image the confidence, in [0, 1], by class name. A name that is not among
            the classes of the target's spec becomes a further class if the spec is ``open``; else
            the image is refused.
        ok: Bools [N], False where an image could not be scored; all True if absent.
    """

    found: Sequence[Mapping[str, float]]
    ok: Sequence[bool] | None = None


@dataclass(frozen=True)
class Candidate:
    """A genome that has been bred and not yet scored.

    Attributes:
        id: Its number in the run; the n-th candidate ever asked for is n, from 0.
        genome: The genome; treat it as immutable.
        parents: The ids of its parents, fittest first; empty for a genome made at random.
        generation: The generation it was bred in, from 0.
        evaluations: How many images it counts for: itself, and those that the target was shown
            to make it, and others with it. Not a part of what it is, and not stored with it.
    """

    id: int
    genome: Any
    parents: tuple[int, ...] = ()
    generation: int = 0
    evaluations: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Elite:
    """The best candidate found so far for a class.

    Attributes:
        class_index: The class whose niche it holds.
        candidate: The candidate.
        confidence: The probability that the target gives the class, in [0, 1].
        rank: What selection compares: log-odds in float64 if the target has logits, else the
            confidence.
    """

    class_index: int
    candidate: Candidate
    confidence: float
    rank: float


@dataclass(frozen=True)
class Replacement:
    """An elite that gives its niche up to a better candidate.

    Attributes:
        elite: The new elite.
        previous: The id of the candidate that held the niche, or None if it was empty.
        goal_switch: Whether a parent of the new elite held niches at the time, and none held
            this one.
    """

    elite: Elite
    previous: int | None = None
    goal_switch: bool = False


@dataclass(frozen=True)
class GenomeSize:
    """How large a genome is: its nodes and its (enabled) connections, or its numbers."""

    nodes: int
    connections: int


@runtime_checkable
class Target(Protocol):
    """What is fooled.

    Only ``spec`` and ``score`` are needed. A target may have more, and the framework then uses it:

    ``fingerprint() -> str``
        What tells this target from one that scores otherwise (a hash of its weights, say); a run
        resumes only on the same. Absent: made from the plugin's name, options and spec.
    ``self_check() -> None``
        Called once before a run: raise :class:`~neatfool.TargetError` if the target does not
        recognise images that it should.
    ``describe() -> str``
        What it is and how it looks at images, in a few lines that are printed when a run starts.
    ``networks: Sequence[Network]``
        The :class:`~neatfool.Network` objects that ``score`` computes with. The framework then
        chooses how they compute: threads, frozen graphs, half precision to screen images with.
        Such a target is called from other threads than the one that made it, perhaps from several
        at once, with images on any device.
    ``logits_of(images) -> torch.Tensor``
        What ``score`` computes, for torch to differentiate: floats [N, C, H, W] in the range of
        bytes, 0 to 255, in; logits [N, K] out. Log-probabilities are logits too: where ``score``
        takes the mean of several networks, its logarithm. Schemes that need gradients call it,
        in their own thread, also while ``score`` is under way.
    ``batch_size: int | None``
        The most images a call, where the experiment does not say how many there are.
    ``meter(ledger: Ledger) -> None``
        For a target that costs something to ask. Called before ``score`` is: from then on, and
        before each request that it sends, the target debits the :class:`~neatfool.Ledger`. It is
        asked no image twice in a run; what is over of the budget limits the run. It may have
        ``concurrency``, how many calls at a time, each in a thread of its own.
    ``close() -> None``
        Called at the end, whatever happened, also while ``score`` is under way: it ends then.
    """

    spec: ImageSpec

    def score(self, images: Any) -> Scores | Labels:
        """Score images.

        Args:
            images: uint8 [N, C, H, W], a numpy array or a torch tensor as ``spec.array`` says. N
                is the same at each call of a run, unless the target has ``meter``. Not to be
                written to.

        Returns:
            Probabilities [N, K], and logits if there are any. A target with ``meter`` may name
            only some classes of each image instead.

        Raises:
            TargetUnavailable: It cannot be reached now; the run pauses.
        """
        ...


class Encoding(Protocol[Genome]):
    """How an image is written as a genome.

    A factory is called as ``factory(options, spec=spec)``. Genomes are never changed once made.
    Equal seeds and equal parents give equal genomes, in any process and any order of calls.

    Only what is listed here is needed. An encoding may have more, and schemes then use it:

    ``in_generation(generation) -> Encoding``
        The encoding as it breeds in that generation of a run, if that changes; see
        :func:`in_generation`.
    ``litter_sizes(seeds) -> list[int]``
        How many parents the child of each seed wants, where not all want as many; see
        :func:`litter_sizes`.
    ``from_images(images) -> list[Genome]``
        Genomes that render to given images, uint8 [N, C, H, W], to the last bit; for a scheme that
        makes images itself.

    One whose genomes hold numbers that images depend on smoothly may have these three, so that
    schemes can learn better numbers by gradients:

    ``parameters(genomes) -> list[np.ndarray]``
        Those numbers: float64 [P] for each genome.
    ``with_parameters(genomes, parameters) -> list[Genome]``
        The genomes with others, such that ``parameters`` gives these; any that is out of its range
        is brought to the end of it.
    ``parameter_gradients(genomes, gradients) -> list[np.ndarray]``
        How functions of the genomes' images change with each parameter: float64 [G, P] for each
        genome, all finite; given how these G functions change with the grey level of each pixel,
        float32 [G, N, C, H, W]. It is told as if images were not rounded to bytes.

    Attributes:
        parents: How many parents ``breed`` wants for a child, or at most: 1 (mutation) or 2
            (crossover).
    """

    parents: int

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make random genomes, one a seed."""
        ...

    def breed(self, litters: Sequence[Sequence[Genome]], seeds: Sequence[int]) -> list[Genome]:
        """Breed children.

        Args:
            litters: For each child its parents, fittest first: as many as ``parents`` says, or
                fewer (then mutation alone makes the child).
            seeds: For each child the seed that all its randomness comes from.

        Returns:
            The children, in order.
        """
        ...

    def render(self, genomes: Sequence[Genome]) -> torch.Tensor:
        """Render genomes at the target's size.

        Returns:
            uint8 [N, C, H, W], the bytes a PNG would hold, on any device: a GPU that rendered
            them need not give them back.
        """
        ...

    def render_at(
        self,
        genome: Genome,
        height: int,
        width: int,
        box: tuple[int, int, int, int] | None = None,
    ) -> torch.Tensor:
        """Render one genome at any size.

        Args:
            genome: The genome.
            height: Pixels of the whole image from top to bottom.
            width: Pixels of the whole image from left to right.
            box: (left, top, right, bottom), the part of that image to render; all if absent.

        Returns:
            uint8 [C, bottom - top, right - left].
        """
        ...

    def dumps(self, genome: Genome) -> str:
        """Write a genome as versioned JSON text."""
        ...

    def loads(self, text: str) -> Genome:
        """Read what ``dumps`` wrote: the equal genome.

        Raises:
            ValueError: The text is not such a genome.
        """
        ...

    def distance(self, a: Genome, b: Genome) -> float:
        """Measure how unlike two genomes are, for speciation: 0 for equal ones, symmetric."""
        ...

    def size(self, genome: Genome) -> GenomeSize:
        """Count a genome's nodes and connections."""
        ...

    def graph(self, genome: Genome) -> nx.DiGraph | None:
        """Give the genome as a graph, or None if it is not one."""
        ...


def in_generation(encoding: Encoding[Genome], generation: int) -> Encoding[Genome]:
    """Give an encoding as it breeds in a generation of a run: itself, unless it says otherwise."""
    of_generation: Any = getattr(encoding, "in_generation", None)
    if of_generation is None:
        return encoding
    found: Encoding[Genome] = of_generation(generation)
    return found


def litter_sizes(encoding: Encoding[Genome], seeds: Sequence[int]) -> list[int]:
    """Say how many parents the child of each seed wants: as many as all, unless it says otherwise.

    A parent that ``breed`` would not look at is none, and would be recorded as one.
    """
    of_each: Any = getattr(encoding, "litter_sizes", None)
    if of_each is None:
        return [encoding.parents] * len(seeds)
    sizes: list[int] = of_each(seeds)
    return sizes


class Scheme(Protocol):
    """How the search selects.

    A factory is called as ``factory(options, encoding=encoding, spec=spec, seed=seed)``, and with
    ``target=target`` too if it has a parameter of that name. The framework calls ``ask`` and
    ``tell`` in turn. All randomness comes from ``seed``, the generation and the candidates' ids,
    never from a generator carried along.

    Only what is listed here is needed. A scheme may have more, and the framework then uses it:

    ``self_check() -> None``
        Called before a run begins, and not before it goes on: raise
        :class:`~neatfool.ExperimentError` if there is something that it cannot begin with.
    ``bar() -> np.ndarray``
        float64 [K], the rank that a candidate must exceed in each class for its scores to matter,
        +inf in a class where none can. Candidates that a screening finds to be below it everywhere
        are told with scores that are not ``exact``. A scheme that looks at all scores (to select
        from a population, say) has no bar.

    Attributes:
        archive: The elites.
        batch: How many candidates a generation usually has; the first may have others.
    """

    archive: Archive
    batch: int

    def ask(self) -> Iterable[Candidate]:
        """Breed the next generation.

        Returns:
            The candidates. They may be bred as they are taken: the framework takes some, and
            scores them while it takes more; whom they descend from is settled by then. None says
            that the search is at its end.
        """
        ...

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Take the scores of what ``ask`` gave.

        Args:
            candidates: What ``ask`` gave; in a run's last generation perhaps only its beginning.
            scores: Their checked scores, as numpy arrays; ``ok`` is present.

        Returns:
            The elites that changed, at most one a class.
        """
        ...

    def members(self) -> Sequence[Candidate]:
        """List the candidates that ``state`` refers to, elites of the archive aside."""
        ...

    def state(self) -> Json:
        """Give all that a resumed search needs beside the archive; candidates by their ids."""
        ...

    def restore(self, state: Json, candidates: Mapping[int, Candidate]) -> None:
        """Go on from a state.

        Args:
            state: What ``state`` gave.
            candidates: The candidates of the archive (which is filled already) and those that
                ``members`` listed, by id.
        """
        ...
