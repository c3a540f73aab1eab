"""Each check of an encoding finds the fault that it is there for."""

import json
import random

import numpy as np
import pytest
import torch

from neatfool.testing import GREY, ToyEncoding, check_plugin, examine_plugin


def faults(encoding, parents=1):
    results = examine_plugin("encoding", lambda spec: encoding(spec, parents=parents), [GREY])
    return {result.name for result in results if not result.passed}


@pytest.mark.parametrize("parents", [1, 2])
def test_a_good_encoding_keeps_its_contract_in_grey_and_in_colour(parents):
    check_plugin("encoding", lambda spec: ToyEncoding(spec, parents=parents))


def spoilt(**methods):
    return type("Spoilt", (ToyEncoding,), methods)


class Carried(ToyEncoding):
    """Carries a generator from call to call."""

    def __init__(self, spec, parents):
        super().__init__(spec, parents=parents)
        self.rng = np.random.default_rng(0)

    def create(self, seeds):
        return super().create([int(self.rng.integers(2**40)) for _ in seeds])


class Counting(ToyEncoding):
    made = 0

    def breed(self, parent_groups, seeds):
        self.made += 1
        return super().breed(parent_groups, [seed + self.made for seed in seeds])


class InPlace(ToyEncoding):
    def create(self, seeds):
        return [list(genome) for genome in super().create(seeds)]

    def breed(self, parent_groups, seeds):
        children = [list(genome) for genome in super().breed(parent_groups, seeds)]
        for parent_group in parent_groups:
            parent_group[0][0] = parent_group[0][0] / 2
        return children


def breeding(draw):
    """Make an encoding that draws from a generator of everybody's before it breeds."""

    def breed(self, parent_groups, seeds):
        draw()
        return ToyEncoding.breed(self, parent_groups, seeds)

    return spoilt(breed=breed)


def rendering(change):
    """Make an encoding whose images are changed."""
    return spoilt(render=lambda self, genomes: change(ToyEncoding.render(self, genomes)))


def brighten(images):
    """Normalise over the batch."""
    return (images * (120 / images.float().mean())).clamp(0, 255).to(torch.uint8)


class Shifted(ToyEncoding):
    def render_at(self, genome, height, width, box=None):
        return super().render_at(genome, height, width, box).roll(1, -1)


class Zoomed(ToyEncoding):
    def render_at(self, genome, height, width, box=None):
        left, top, right, bottom = box or (0, 0, width, height)
        return super().render_at(genome, bottom - top, right - left)


class WithNan(ToyEncoding):
    def dumps(self, genome):
        return json.dumps({**json.loads(super().dumps(genome)), "fitness": float("nan")})


class BareList(ToyEncoding):
    def dumps(self, genome):
        return json.dumps(genome)

    def loads(self, text):
        return tuple(json.loads(text))


class LosesDigits(ToyEncoding):
    def loads(self, text):
        return tuple(round(number, 3) for number in super().loads(text))


class Lenient(ToyEncoding):
    def loads(self, text):
        try:
            return super().loads(text)
        except ValueError:
            return self.create([1])[0]


class RoundsBytes(ToyEncoding):
    def to_bytes(self, genome):
        return super().to_bytes(np.round(genome, 1))


class Downhill(ToyEncoding):
    def parameter_gradients(self, genomes, gradients):
        return [-each for each in super().parameter_gradients(genomes, gradients)]


CREATE, BREED = ToyEncoding.create, ToyEncoding.breed
DRAWING = breeding(random.random)
TRUSTING = spoilt(loads=lambda _, text: tuple(json.loads(text)["numbers"]))
SIZED = spoilt(size=lambda _, genome: len(genome))
FAULTS = {
    "create gives one genome a seed": [
        lambda spec, parents: ToyEncoding(spec, parents=3),
        spoilt(create=lambda self, seeds: CREATE(self, seeds[:-1] or seeds)),
    ],
    "create depends on the seed alone": [Carried],
    "breed gives one child for each group of parents": [
        spoilt(breed=lambda self, all_, seeds: BREED(self, all_[:-1] or all_, seeds[:-1] or seeds)),
        spoilt(breed=lambda _, parent_groups, seeds: [each[0] for each in parent_groups]),
    ],
    "breed depends on parents and seed alone": [Counting],
    "breed leaves parents unchanged": [InPlace],
    "global randomness is left alone": [
        DRAWING,
        breeding(lambda: torch.rand(1)),
        breeding(lambda: np.random.seed(1)),
    ],
    "render gives the targets images": [
        rendering(lambda images: images / 255),
        rendering(lambda images: images[:, 0]),
        rendering(lambda images: images * 0),
    ],
    "render gives the same bits in any batch": [rendering(brighten)],
    "render at any size agrees with render": [Shifted, Zoomed],
    "genomes are written as json": [WithNan, BareList],
    "loads gives the equal genome": [LosesDigits],
    "loads refuses garbage": [TRUSTING, Lenient],
    "bytes give the same image": [RoundsBytes, spoilt(from_bytes=property())],
    "distance is zero to itself and symmetric": [
        spoilt(distance=lambda _, a, b: a[0] - b[0]),
        spoilt(distance=lambda *_: 1.0),
    ],
    "size and graph describe the genome": [SIZED, spoilt(graph=lambda *_: {"nodes": []})],
    "parameters are written back": [spoilt(with_parameters=lambda _, genomes, parameters: genomes)],
    "parameter gradients lead uphill": [Downhill],
}


@pytest.mark.parametrize(
    ("check", "encoding"), [(check, each) for check, many in FAULTS.items() for each in many]
)
def test_a_fault_is_found_by_the_check_for_it(check, encoding):
    assert check in faults(encoding)


def test_a_need_for_two_parents_is_found():
    class Strict(ToyEncoding):
        def breed(self, parent_groups, seeds):
            assert all(len(parent_group) == 2 for parent_group in parent_groups)
            return super().breed(parent_groups, seeds)

    assert "breed gives one child for each group of parents" in faults(Strict, parents=2)


def test_one_fault_is_found_by_one_check():
    for encoding in (DRAWING, Zoomed, WithNan, TRUSTING, RoundsBytes, SIZED, Downhill):
        assert len(faults(encoding)) == 1
