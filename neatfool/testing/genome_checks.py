"""Checks of how an encoding writes, reads, compares and describes genomes, and their parameters."""

import json
import math
from itertools import product
from typing import Any, Final
from unittest import SkipTest

import numpy as np

from neatfool.search.seeds import derive_seed
from neatfool.spec.candidate import GenomeSize
from neatfool.spec.encoding import Learnable, Parametric
from neatfool.testing.encoding_checks import EncodingSubject

GARBAGE = ("", "{", "null", "3", "[]", "{}", '"text"', '{"version": 1}', '{"version": "none"}')
MOVE: Final = 0.05
GAIN: Final = 60.0
"""A step along the gradient should gain this much, far more than rounding to bytes hides."""
STEEP: Final = 1.0
"""An image with a smaller gradient hardly depends on its parameters."""
TRIALS: Final = 4


def check_genomes_are_written_as_json(subject: EncodingSubject) -> None:
    """``dumps`` writes a JSON object without NaN or infinity."""

    def refuse_constant(name: str) -> None:
        raise AssertionError(f"dumps() wrote {name}, which JSON does not have; keep numbers finite")

    for text in subject.texts([*subject.genomes, *subject.children]):
        data = json.loads(text, parse_constant=refuse_constant)
        assert isinstance(data, dict), (
            f"dumps() wrote a {type(data).__name__}; write an object that also has a version"
        )


def check_loads_gives_the_equal_genome(subject: EncodingSubject) -> None:
    """A genome from ``loads`` is written, rendered and bred like the original."""
    fresh = subject.make()
    loaded = [fresh.loads(text) for text in subject.texts(subject.children)]
    subject.expect_same(subject.children, loaded, "dumps(loads(text))")
    assert np.array_equal(subject.pixels(loaded, fresh), subject.pixels(subject.children)), (
        "loaded genomes render to different images; write every number with all its digits"
    )
    seeds = subject.breeding_seeds(13)
    children, of_loaded = (
        encoding.breed([[genome] for genome in genomes], seeds)
        for encoding, genomes in ((subject.encoding, subject.children), (fresh, loaded))
    )
    subject.expect_same(children, of_loaded, "breed() from loaded genomes")


def check_loads_refuses_garbage(subject: EncodingSubject) -> None:
    """``loads`` raises ValueError for text that ``dumps`` did not write."""

    def accepts(garbage: str) -> bool:
        try:
            subject.encoding.loads(garbage)
        except ValueError:
            return False
        except Exception as error:
            raise AssertionError(
                f"loads({_short(garbage)}) raised {type(error).__name__}: {error}; "
                "raise ValueError for text that is not a genome"
            ) from error
        return True

    text = subject.texts(subject.children)[0]
    for garbage in (*GARBAGE, text[: len(text) // 2], text + "}"):
        assert not accepts(garbage), f"loads({_short(garbage)}) raised nothing; raise ValueError"
    for key, value in json.loads(text).items():
        wrongs: tuple[object, ...] = (None, [value], "wrong", -1, [[], {}])
        for wrong in wrongs:
            accepts(json.dumps({**json.loads(text), key: wrong}))


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:40]}…{text[-39:]}")


def check_bytes_give_the_same_image(subject: EncodingSubject) -> None:
    """A genome that workers get as bytes is drawn as the original."""
    encoding, fresh = subject.encoding, subject.make()
    # Bytes may be made of a text that was read: a resumed run has read its genomes.
    genomes = [*subject.children, *map(encoding.loads, subject.texts(subject.children))]
    sent = [*map(encoding.to_bytes, genomes)]
    kinds = {type(each).__name__ for each in sent} - {"bytes"}
    assert not kinds, f"to_bytes() gave {', '.join(kinds)}; give bytes"
    drawn = subject.pixels([*map(fresh.from_bytes, sent)], fresh)
    same = np.array_equal(drawn, subject.pixels(genomes))
    assert same, "genomes render to different images after from_bytes()"


def check_distance_is_zero_to_itself_and_symmetric(subject: EncodingSubject) -> None:
    """``distance`` is finite, not negative, 0 between equal genomes, and symmetric."""
    encoding = subject.encoding
    for a, b in product(subject.children, subject.genomes):
        there, back = encoding.distance(a, b), encoding.distance(b, a)
        valid = math.isfinite(there) and there >= 0
        assert valid, f"distance() is {there!r}; it is a finite number, 0 or more"
        assert math.isclose(there, back, rel_tol=1e-9), (
            f"distance(a, b) is {there!r} and distance(b, a) {back!r}; it is the same both ways"
        )
    for genome, text in zip(subject.children, subject.texts(subject.children), strict=True):
        to_equal = encoding.distance(genome, encoding.loads(text))
        assert to_equal == 0, f"distance() between equal genomes is {to_equal!r}; it is 0"


def check_size_and_graph_describe_the_genome(subject: EncodingSubject) -> None:
    """``size`` gives a GenomeSize; ``graph`` gives a directed graph or None."""
    import networkx as nx

    for genome in subject.children:
        size = subject.encoding.size(genome)
        assert isinstance(size, GenomeSize) and size.nodes >= 0 and size.connections >= 0, (
            f"size() gave {size!r}; give GenomeSize(nodes=..., connections=...)"
        )
        graph = subject.encoding.graph(genome)
        assert graph is None or isinstance(graph, nx.DiGraph), (
            f"graph() gave {type(graph).__name__}; give a networkx.DiGraph, or None"
        )


def check_parameters_are_written_back(subject: EncodingSubject) -> None:
    """``parameters`` reads the numbers that ``with_parameters`` wrote."""
    encoding: object = subject.encoding
    if not isinstance(encoding, Parametric):
        raise SkipTest("it lacks parameters or with_parameters")
    genomes, before = subject.children, subject.texts(subject.children)

    def read(genomes: list[Any]) -> list[np.ndarray]:
        rows: Any = encoding.parameters(genomes)
        assert (
            len(rows) == len(genomes)
            and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows)
            and all(row.dtype == np.float64 and np.isfinite(row).all() for row in rows)
        ), "parameters() gives for each genome a numpy array, float64 [P], of finite numbers"
        return [*rows]

    rows = read(genomes)
    same = encoding.with_parameters(genomes, rows)
    subject.expect_same(genomes, same, "with_parameters(own ones)")
    draw = np.random.default_rng(derive_seed("parameters"))
    moved = [row + draw.normal(0, MOVE, len(row)) for row in rows]
    written = encoding.with_parameters(genomes, moved)
    assert subject.texts(genomes) == before, "with_parameters() changed the genomes it was given"
    found = read(written)
    apart = max(np.abs(a - b).max(initial=0.0) for a, b in zip(found, moved, strict=True))
    # A number beyond its range may be clipped, but not by more than it moved.
    assert apart <= 5 * MOVE and sum(map(len, rows)) > 0, (
        f"parameters() reads what with_parameters() wrote with an error of {apart:.2g}, or "
        "reads nothing; keep the same order"
    )
    same = encoding.with_parameters(written, found)
    subject.expect_same(written, same, "with_parameters(own ones) of changed genomes")


def check_parameter_gradients_lead_uphill(subject: EncodingSubject) -> None:
    """A step along ``parameter_gradients`` changes the image as they predict."""
    encoding: Any = subject.encoding
    if not isinstance(encoding, Learnable):
        raise SkipTest("it lacks parameters or parameter_gradients")
    genomes = subject.children
    rows = encoding.parameters(genomes)
    draw = np.random.default_rng(derive_seed("pixels"))
    weights = draw.normal(0, 1, (TRIALS, len(genomes), *subject.spec.shape)).astype(np.float32)
    gradients = encoding.parameter_gradients(genomes, weights)
    shapes = [np.shape(slopes) for slopes in gradients] == [(TRIALS, len(row)) for row in rows]
    assert shapes and all(g.dtype == np.float64 and np.isfinite(g).all() for g in gradients), (
        f"parameter_gradients() gives for each genome float64 [{TRIALS}, P], all finite, if it is "
        f"given float32 [{TRIALS}, N, C, H, W]"
    )
    gains: list[float] = []
    for (place, genome), trial in product(enumerate(genomes), range(TRIALS)):
        slope, weight = gradients[place][trial], weights[trial, place]
        if np.linalg.norm(slope) < STEEP:
            continue
        step = GAIN / 2 * slope / (slope**2).sum()
        there, back = (
            (weight * subject.pixels(encoding.with_parameters([genome], [moved]))[0]).sum(
                dtype=np.float64
            )
            for moved in (rows[place] + step, rows[place] - step)
        )
        gains.append(float(there - back) / GAIN)
    assert gains, "parameter_gradients() gave nothing but zeros"
    # A few genomes are far from linear.
    usual = float(np.median(gains))
    assert 0.5 < usual < 1.5, (
        f"steps along parameter_gradients() gained {usual:.2g} times what they predict; give "
        "gradients by the parameters, in their order, and take gradients by grey levels"
    )
