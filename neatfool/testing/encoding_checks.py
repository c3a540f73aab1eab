"""The checks that every encoding must pass: genomes made, drawn, written, read and compared."""

import json
import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from itertools import product
from typing import Any, Final
from unittest import SkipTest

import numpy as np

from neatfool.scoring.checks import draw
from neatfool.spec.archive import GenomeSize
from neatfool.spec.encoding import Encoding, Learnable, Parametric
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.seeds import derive_seeds
from neatfool.testing.checking import Subject, global_randomness

GREY = ImageSpec(height=12, width=9, channels=1, classes=("a", "b", "c"))
"""Grey images, with which encodings are checked."""
COLOUR = ImageSpec(height=7, width=11, channels=3, classes=("a", "b", "c"))
"""Coloured images, with which encodings are checked."""
GENOMES: Final = 6
GARBAGE: Final = ("", "{", "null", "3", "[]", "{}", '"text"', '{"version": "none"}')
MOVE: Final = 0.05
"""By so much a parameter is changed, at random."""
GAIN: Final = 60.0
"""A step along the gradient should gain this much, far more than rounding to bytes hides."""
STEEP: Final = 1.0
"""An image with a smaller gradient hardly depends on its parameters."""
TRIALS: Final = 4


class EncodingSubject(Subject[Encoding[Any]]):
    """An encoding under test, for images of a spec; ``seeds`` has one for each genome."""

    def __init__(self, make: Callable[[ImageSpec], Encoding[Any]], spec: ImageSpec) -> None:
        super().__init__(partial(make, spec))
        self.spec, self.seeds = spec, derive_seeds("checks", ids=range(GENOMES))

    @cached_property
    def genomes(self) -> list[Any]:
        """Random genomes."""
        return self.made.create(self.seeds)

    @cached_property
    def parent_groups(self) -> list[list[Any]]:
        """Each child's parents, which descend from :attr:`genomes`."""
        grown = self.genomes
        for _ in range(3):
            grown = self.made.breed(self._parent_groups(grown), self.seeds)
        return self._parent_groups(grown)

    @cached_property
    def children(self) -> list[Any]:
        """Children of :attr:`parent_groups`."""
        return self.made.breed(self.parent_groups, self.seeds)

    def texts(self, genomes: Sequence[Any]) -> list[str]:
        """Write genomes as texts; equal genomes have equal texts."""
        return [self.made.dumps(genome) for genome in genomes]

    def _parent_groups(self, genomes: Sequence[Any]) -> list[list[Any]]:
        around = [*genomes, *genomes[:1]]
        return [around[i : i + self.made.parents] for i in range(len(genomes))]

    def expect_same(self, expected: Sequence[Any], genomes: Sequence[Any], call: str) -> None:
        """Expect genomes, which a call gave, to be equal to others."""
        same = self.texts(expected) == self.texts(genomes)
        assert same, f"{call} gave other genomes; draw each from its seed alone"

    def pixels(self, genomes: Sequence[Any], encoding: Encoding[Any] | None = None) -> np.ndarray:
        """Draw genomes, uint8 [N, C, H, W], perhaps with another encoding."""
        return np.asarray(draw([encoding or self.made], genomes, self.spec, "it").cpu())

    def pixels_at(
        self, genome: Any, height: int, width: int, box: tuple[int, int, int, int] | None = None
    ) -> np.ndarray:
        """Draw a genome at a size, or a part of it."""
        left, top, right, bottom = box or (0, 0, width, height)
        image = self.made.render_at(genome, height, width, box=box)
        shape = self.spec.channels, bottom - top, right - left
        assert image.shape == shape, f"render_at() gave the shape {[*image.shape]}, not {[*shape]}"
        return np.asarray(image.cpu())


def differ(a: np.ndarray, b: np.ndarray) -> str:
    """Say how two images differ; empty if they are equal."""
    steps = np.abs(a.astype(int) - b.astype(int))
    count = np.count_nonzero(steps)
    return f"{count} bytes differ by up to {steps.max()} grey levels" if count else ""


def check_create_gives_one_genome_a_seed(subject: EncodingSubject) -> None:
    parents, count = subject.made.parents, len(subject.genomes)
    assert parents in (1, 2), f"parents is {parents!r}; it is 1 (mutation) or 2 (crossover)"
    assert count == GENOMES, f"create() gave {count} genomes for {GENOMES} seeds; give one a seed"
    different = len({*subject.texts(subject.genomes)})
    assert different > 1, "all seeds made one genome; draw from a generator made from the seed"


def check_create_depends_on_the_seed_alone(subject: EncodingSubject) -> None:
    create = subject.make().create
    reverse = create(subject.seeds[::-1])[::-1]
    subject.expect_same(subject.genomes, reverse, "create() in another order")
    alone = [genome for seed in subject.seeds for genome in create([seed])]
    subject.expect_same(subject.genomes, alone, "create() one at a time")


def check_breed_gives_one_child_for_each_group_of_parents(subject: EncodingSubject) -> None:
    encoding, parent_group, seeds = subject.made, subject.parent_groups[0], subject.seeds
    single = encoding.breed([parent_group[:1] for parent_group in subject.parent_groups], seeds)
    for children, parents in ((subject.children, encoding.parents), (single, 1)):
        fault = f"breed() gave {len(children)} children for {GENOMES} groups of parents"
        assert len(children) == GENOMES, f"{fault} (parents: {parents}); give one for each group"
    unlike = {*subject.texts(encoding.breed([parent_group] * 40, range(40)))} - {
        *subject.texts(parent_group)
    }
    assert len(unlike) > 1, "40 children are all as their parents; breed() should mutate"


def check_breed_depends_on_parents_and_seed_alone(subject: EncodingSubject) -> None:
    parent_groups, seeds, fresh = subject.parent_groups, subject.seeds, subject.make()
    again = subject.made.breed(parent_groups, seeds)
    subject.expect_same(subject.children, again, "breed() a second time")
    reverse = fresh.breed(parent_groups[::-1], seeds[::-1])[::-1]
    subject.expect_same(subject.children, reverse, "breed() in another order")
    pairs = zip(parent_groups, seeds, strict=True)
    alone = [child for parent_group, seed in pairs for child in fresh.breed([parent_group], [seed])]
    subject.expect_same(subject.children, alone, "breed() one at a time")


def check_breed_leaves_parents_unchanged(subject: EncodingSubject) -> None:
    before = [*map(subject.texts, subject.parent_groups)]
    subject.made.breed(subject.parent_groups, subject.seeds)
    unchanged = before == [*map(subject.texts, subject.parent_groups)]
    assert unchanged, "breed() changed its parents; copy what the child inherits"


def check_global_randomness_is_left_alone(subject: EncodingSubject) -> None:
    for state in (1, 2):
        with global_randomness(state):
            created = subject.made.create(subject.seeds)
            bred = subject.made.breed(subject.parent_groups, subject.seeds)
            subject.made.render(bred)
        subject.expect_same(subject.genomes, created, "create()")
        subject.expect_same(subject.children, bred, "breed()")


def check_render_gives_the_targets_images(subject: EncodingSubject) -> None:
    images = subject.pixels([*subject.genomes, *subject.children])
    assert (images != images[:1]).any(), "all genomes rendered to one image; does it use them?"


def check_render_gives_the_same_bits_in_any_batch(subject: EncodingSubject) -> None:
    for child, together in zip(subject.children, subject.pixels(subject.children), strict=True):
        apart = differ(subject.pixels([child])[0], together)
        fault = f"rendered alone, {apart} from a batch"
        assert not apart, f"{fault}; the scored image would not be the saved one"


def check_render_at_any_size_agrees_with_render(subject: EncodingSubject) -> None:
    _, height, width = subject.spec.shape
    for child, whole in zip(subject.children, subject.pixels(subject.children), strict=True):
        apart = differ(subject.pixels_at(child, height, width), whole)
        assert not apart, f"render_at() at the target's size: {apart} from render()"
    for high, wide in ((height, width), (2 * height + 1, 3 * width), (5, 64)):
        box = left, top, right, bottom = wide // 4, high // 3, wide - 1, high
        for child in subject.children[:3]:
            crop = subject.pixels_at(child, high, wide)[:, top:bottom, left:right]
            apart = differ(subject.pixels_at(child, high, wide, box), crop)
            assert not apart, f"box {box} of {wide}x{high}: {apart} from the whole image"


def check_genomes_are_written_as_json(subject: EncodingSubject) -> None:
    def refuse_constant(name: str) -> None:
        raise AssertionError(f"dumps() wrote {name}, which JSON does not have; keep numbers finite")

    for text in subject.texts([*subject.genomes, *subject.children]):
        kind = type(json.loads(text, parse_constant=refuse_constant)).__name__
        assert kind == "dict", f"dumps() wrote a {kind}; write an object that also has a version"


def check_loads_gives_the_equal_genome(subject: EncodingSubject) -> None:
    fresh = subject.make()
    loaded = [fresh.loads(text) for text in subject.texts(subject.children)]
    subject.expect_same(subject.children, loaded, "dumps(loads(text))")
    same = np.array_equal(subject.pixels(loaded, fresh), subject.pixels(subject.children))
    assert same, "loaded genomes render to different images; write numbers with all their digits"
    bred, of_loaded = (
        encoding.breed([[genome] for genome in genomes], subject.seeds)
        for encoding, genomes in ((subject.made, subject.children), (fresh, loaded))
    )
    subject.expect_same(bred, of_loaded, "breed() from loaded genomes")


def check_loads_refuses_garbage(subject: EncodingSubject) -> None:
    def accepts(garbage: str) -> bool:
        try:
            subject.made.loads(garbage)
        except ValueError:
            return False
        except Exception as error:
            fault = f"loads({garbage[:80]!r}) raised {type(error).__name__}: {error}"
            raise AssertionError(f"{fault}; raise ValueError") from error
        return True

    text = subject.texts(subject.children)[0]
    for garbage in (*GARBAGE, text[: len(text) // 2], text + "}"):
        assert not accepts(garbage), f"loads({garbage[:80]!r}) raised nothing; raise ValueError"
    for key, value in json.loads(text).items():
        wrongs: tuple[object, ...] = (None, [value], "wrong", -1, [[], {}])
        for wrong in wrongs:  # which may be right for this key
            accepts(json.dumps({**json.loads(text), key: wrong}))


def check_bytes_give_the_same_image(subject: EncodingSubject) -> None:
    encoding, fresh = subject.made, subject.make()
    # Bytes may be made of a text that was read: a resumed run has read its genomes.
    genomes = [*subject.children, *map(encoding.loads, subject.texts(subject.children))]
    sent = [*map(encoding.to_bytes, genomes)]
    assert all(isinstance(each, bytes) for each in sent), "to_bytes() gave no bytes"
    drawn = subject.pixels([*map(fresh.from_bytes, sent)], fresh)
    same = np.array_equal(drawn, subject.pixels(genomes))
    assert same, "genomes render to different images after from_bytes()"


def check_distance_is_zero_to_itself_and_symmetric(subject: EncodingSubject) -> None:
    encoding = subject.made
    for a, b in product(subject.children, subject.genomes):
        there, back = encoding.distance(a, b), encoding.distance(b, a)
        right = there >= 0 and math.isfinite(there) and math.isclose(there, back, rel_tol=1e-9)
        fault = f"distance() is {there!r}, and {back!r} the other way round"
        assert right, f"{fault}; it is finite, 0 or more, and the same both ways"
    for genome, text in zip(subject.children, subject.texts(subject.children), strict=True):
        to_equal = encoding.distance(genome, encoding.loads(text))
        assert to_equal == 0, f"distance() between equal genomes is {to_equal!r}; it is 0"


def check_size_and_graph_describe_the_genome(subject: EncodingSubject) -> None:
    import networkx as nx

    for genome in subject.children:
        size, graph = subject.made.size(genome), subject.made.graph(genome)
        right = isinstance(size, GenomeSize) and size.nodes >= 0 and size.connections >= 0
        assert right, f"size() gave {size!r}; give GenomeSize(nodes=..., connections=...)"
        kind = type(graph).__name__
        assert isinstance(graph, nx.DiGraph | None), f"graph() gave {kind}; give a networkx.DiGraph"


def check_parameters_are_written_back(subject: EncodingSubject) -> None:
    encoding: object = subject.made
    if not isinstance(encoding, Parametric):
        raise SkipTest("it lacks parameters or with_parameters")
    genomes, before = subject.children, subject.texts(subject.children)
    rows = [*encoding.parameters(genomes)]
    right = all(row.ndim == 1 and row.dtype == np.float64 for row in rows)
    right &= len(rows) == len(genomes) and sum(map(len, rows)) > 0
    assert right, "parameters() gives for each genome a numpy array, float64 [P]"
    same = encoding.with_parameters(genomes, rows)
    subject.expect_same(genomes, same, "with_parameters(own ones)")
    draw = np.random.default_rng(subject.seeds[0])
    moved = [row + draw.normal(0, MOVE, len(row)) for row in rows]
    written = encoding.with_parameters(genomes, moved)
    assert subject.texts(genomes) == before, "with_parameters() changed the genomes it was given"
    found = encoding.parameters(written)
    errors = np.concatenate([np.abs(a - b) for a, b in zip(found, moved, strict=True)])
    # A number beyond its range may be clipped, but not by more than it moved.
    fault = f"parameters() reads what with_parameters() wrote with errors up to {errors.max():.2g}"
    assert errors.max() <= 5 * MOVE and np.median(errors) <= MOVE / 100, fault


def check_parameter_gradients_lead_uphill(subject: EncodingSubject) -> None:
    encoding: Any = subject.made
    if not isinstance(encoding, Learnable):
        raise SkipTest("it lacks parameters or parameter_gradients")
    genomes, rows = subject.children, encoding.parameters(subject.children)
    draw = np.random.default_rng(subject.seeds[0])
    weights = draw.normal(0, 1, (TRIALS, len(genomes), *subject.spec.shape)).astype(np.float32)
    gradients = encoding.parameter_gradients(genomes, weights)
    shapes = [np.shape(slopes) for slopes in gradients] == [(TRIALS, len(row)) for row in rows]
    right = shapes and all(g.dtype == np.float64 and np.isfinite(g).all() for g in gradients)
    assert right, f"parameter_gradients() gives for each genome float64 [{TRIALS}, P] here"

    def reach(genome: Any, weight: np.ndarray, moved: np.ndarray) -> float:
        image = subject.pixels(encoding.with_parameters([genome], [moved]))[0]
        return float((weight * image).sum(dtype=np.float64))

    gains: list[float] = []
    for (place, genome), trial in product(enumerate(genomes), range(TRIALS)):
        slope, weight, row = gradients[place][trial], weights[trial, place], rows[place]
        if np.linalg.norm(slope) >= STEEP:
            step = GAIN / 2 * slope / (slope**2).sum()
            gains.append(reach(genome, weight, row + step) - reach(genome, weight, row - step))
    assert gains, "parameter_gradients() gave nothing but zeros"
    usual = float(np.median(gains)) / GAIN  # a few genomes are far from linear
    fault = f"steps along parameter_gradients() gained {usual:.2g} times what they predict"
    assert 0.5 < usual < 1.5, fault
