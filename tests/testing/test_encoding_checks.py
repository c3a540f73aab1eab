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


class ThreeParents(ToyEncoding):
    def __init__(self, spec, parents):
        super().__init__(spec, parents=3)


class Lossy(ToyEncoding):
    def create(self, seeds):
        return super().create(seeds[:-1] or seeds)


class Childless(ToyEncoding):
    def breed(self, parent_groups, seeds):
        return super().breed(parent_groups[:-1] or parent_groups, seeds[:-1] or seeds)


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


class Cloning(ToyEncoding):
    def breed(self, parent_groups, seeds):
        return [parent_group[0] for parent_group in parent_groups]


class InPlace(ToyEncoding):
    def create(self, seeds):
        return [list(genome) for genome in super().create(seeds)]

    def breed(self, parent_groups, seeds):
        children = [list(genome) for genome in super().breed(parent_groups, seeds)]
        for parent_group in parent_groups:
            parent_group[0][0] = parent_group[0][0] / 2
        return children


class Drawing(ToyEncoding):
    def breed(self, parent_groups, seeds):
        random.random()
        return super().breed(parent_groups, seeds)


class DrawingWithTorch(ToyEncoding):
    def breed(self, parent_groups, seeds):
        torch.rand(1)
        return super().breed(parent_groups, seeds)


class Seeding(ToyEncoding):
    def create(self, seeds):
        np.random.seed(1)
        return super().create(seeds)


class Floats(ToyEncoding):
    def render(self, genomes):
        return super().render(genomes) / 255


class Flat(ToyEncoding):
    def render(self, genomes):
        return super().render(genomes)[:, 0]


class Blank(ToyEncoding):
    def render(self, genomes):
        return super().render(genomes) * 0


class NormalisedOverTheBatch(ToyEncoding):
    def render(self, genomes):
        images = super().render(genomes).float()
        return (images * (120 / images.mean())).clamp(0, 255).to(torch.uint8)


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


class Trusting(ToyEncoding):
    def loads(self, text):
        return tuple(json.loads(text)["numbers"])


class Lenient(ToyEncoding):
    def loads(self, text):
        try:
            return super().loads(text)
        except ValueError:
            return self.create([1])[0]


class RoundsBytes(ToyEncoding):
    def to_bytes(self, genome):
        return super().to_bytes(np.round(genome, 1))


class WritesBytesOnly(ToyEncoding):
    from_bytes = property()


class Asymmetric(ToyEncoding):
    def distance(self, a, b):
        return a[0] - b[0]


class FarFromItself(ToyEncoding):
    def distance(self, a, b):
        return 1.0


class Sized(ToyEncoding):
    def size(self, genome):
        return len(genome)


class Graphed(ToyEncoding):
    def graph(self, genome):
        return {"nodes": []}


class ForgetsParameters(ToyEncoding):
    def with_parameters(self, genomes, parameters):
        return genomes


class Downhill(ToyEncoding):
    def parameter_gradients(self, genomes, gradients):
        return [-each for each in super().parameter_gradients(genomes, gradients)]


FAULTS = {
    "create gives one genome a seed": [ThreeParents, Lossy],
    "create depends on the seed alone": [Carried],
    "breed gives one child for each group of parents": [Childless, Cloning],
    "breed depends on parents and seed alone": [Counting],
    "breed leaves parents unchanged": [InPlace],
    "global randomness is left alone": [Drawing, DrawingWithTorch, Seeding],
    "render gives the targets images": [Floats, Flat, Blank],
    "render gives the same bits in any batch": [NormalisedOverTheBatch],
    "render at any size agrees with render": [Shifted, Zoomed],
    "genomes are written as json": [WithNan, BareList],
    "loads gives the equal genome": [LosesDigits],
    "loads refuses garbage": [Trusting, Lenient],
    "bytes give the same image": [RoundsBytes, WritesBytesOnly],
    "distance is zero to itself and symmetric": [Asymmetric, FarFromItself],
    "size and graph describe the genome": [Sized, Graphed],
    "parameters are written back": [ForgetsParameters],
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
    for encoding in (Drawing, Zoomed, WithNan, Trusting, RoundsBytes, Sized, Downhill):
        assert len(faults(encoding)) == 1
