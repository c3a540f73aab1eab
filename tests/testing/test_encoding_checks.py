"""Each check of an encoding finds the fault that it is there for."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch

from neatfool.testing import GREY, ToyEncoding, check_plugin, examine_plugin


def faults(encoding: type, parents: int = 1) -> set[str]:
    results = examine_plugin("encoding", lambda spec: encoding(spec, parents=parents), [GREY])
    return {result.name for result in results if not result.passed}


@pytest.mark.parametrize("parents", [1, 2])
def test_a_good_encoding_keeps_its_contract_in_grey_and_in_colour(parents) -> None:
    check_plugin("encoding", lambda spec: ToyEncoding(spec, parents=parents))


@pytest.mark.parametrize("parents", [1, 2])
def test_a_good_encoding_has_no_faults(parents) -> None:
    assert faults(ToyEncoding, parents) == set()


def test_three_parents_are_found() -> None:
    class Three(ToyEncoding):
        def __init__(self, spec, parents):
            super().__init__(spec, parents=3)

    assert "parents is one or two" in faults(Three)


def test_bytes_of_another_genome_are_found() -> None:
    class Rounds(ToyEncoding):
        def to_bytes(self, genome):
            return super().to_bytes(np.round(genome, 1))

    assert faults(Rounds) == {"bytes give the same image"}


def test_bytes_that_cannot_be_read_are_found() -> None:
    class WritesOnly(ToyEncoding):
        from_bytes = property()

    assert faults(WritesOnly) == {"bytes give the same image"}


def test_missing_genomes_are_found() -> None:
    class Lossy(ToyEncoding):
        def create(self, seeds):
            return super().create(seeds[:-1] or seeds)

        def breed(self, litters, seeds):
            return super().breed(litters[:-1] or litters, seeds[:-1] or seeds)

    assert {"create gives one genome a seed", "breed gives one child a litter"} <= faults(Lossy)


def test_a_generator_carried_along_is_found() -> None:
    class Carried(ToyEncoding):
        def __init__(self, spec, parents):
            super().__init__(spec, parents=parents)
            self.rng = np.random.default_rng(0)

        def create(self, seeds):
            return super().create([int(self.rng.integers(2**40)) for _ in seeds])

        def breed(self, litters, seeds):
            return super().breed(litters, [int(self.rng.integers(2**40)) for _ in seeds])

    found = faults(Carried)
    assert "create depends on the seed alone" in found
    assert "breed depends on parents and seed alone" in found


def test_a_counter_between_calls_is_found() -> None:
    class Counting(ToyEncoding):
        made = 0

        def breed(self, litters, seeds):
            self.made += 1
            return super().breed(litters, [seed + self.made for seed in seeds])

    assert "breed depends on parents and seed alone" in faults(Counting)


def test_clones_are_found() -> None:
    class Cloning(ToyEncoding):
        def breed(self, litters, seeds):
            return [litter[0] for litter in litters]

    assert faults(Cloning) == {"breed gives one child a litter"}


def test_a_changed_parent_is_found() -> None:
    class InPlace(ToyEncoding):
        def create(self, seeds):
            return [list(genome) for genome in super().create(seeds)]

        def breed(self, litters, seeds):
            children = [list(genome) for genome in super().breed(litters, seeds)]
            for litter in litters:
                litter[0][0] = litter[0][0] / 2
            return children

    assert "breed leaves parents unchanged" in faults(InPlace)


def test_a_need_for_two_parents_is_found() -> None:
    class Strict(ToyEncoding):
        def breed(self, litters, seeds):
            assert all(len(litter) == 2 for litter in litters)
            return super().breed(litters, seeds)

    assert "breed takes fewer parents" in faults(Strict, parents=2)


@pytest.mark.parametrize(
    "draw", [random.random, np.random.random, lambda: torch.rand(1)], ids=["random", "np", "torch"]
)
def test_global_randomness_is_found(draw) -> None:
    class Drawing(ToyEncoding):
        def breed(self, litters, seeds):
            draw()
            return super().breed(litters, seeds)

    assert faults(Drawing) == {"global randomness is left alone"}


def test_global_seeding_is_found() -> None:
    class Seeding(ToyEncoding):
        def create(self, seeds):
            np.random.seed(1)
            return super().create(seeds)

    assert faults(Seeding) == {"global randomness is left alone"}


def test_floats_for_bytes_are_found() -> None:
    class Floats(ToyEncoding):
        def render(self, genomes):
            return super().render(genomes) / 255

    assert "render gives the targets images" in faults(Floats)


def test_a_missing_channel_axis_is_found() -> None:
    class Flat(ToyEncoding):
        def render(self, genomes):
            return super().render(genomes)[:, 0]

    assert "render gives the targets images" in faults(Flat)


def test_equal_images_are_found() -> None:
    class Blank(ToyEncoding):
        def render(self, genomes):
            return super().render(genomes) * 0

    assert faults(Blank) == {"render gives the targets images", "parameter gradients lead uphill"}


def test_an_image_normalised_over_its_batch_is_found() -> None:
    class Normalised(ToyEncoding):
        def render(self, genomes):
            images = super().render(genomes).float()
            return (images * (120 / images.mean())).clamp(0, 255).to(torch.uint8)

    assert "render gives the same bits in any batch" in faults(Normalised)


def test_another_image_at_the_same_size_is_found() -> None:
    class Shifted(ToyEncoding):
        def render_at(self, genome, height, width, box=None):
            return super().render_at(genome, height, width, box).roll(1, -1)

    assert "render at the targets size equals render" in faults(Shifted)


def test_a_box_rendered_by_itself_is_found() -> None:
    class Zoomed(ToyEncoding):
        def render_at(self, genome, height, width, box=None):
            left, top, right, bottom = box or (0, 0, width, height)
            return super().render_at(genome, bottom - top, right - left)

    assert faults(Zoomed) == {"a box is a part of the whole"}


def test_nan_in_a_genome_is_found() -> None:
    class WithNan(ToyEncoding):
        def dumps(self, genome):
            return json.dumps({**json.loads(super().dumps(genome)), "fitness": float("nan")})

    assert faults(WithNan) == {"genomes are written as json"}


def test_a_bare_list_is_found() -> None:
    class Bare(ToyEncoding):
        def dumps(self, genome):
            return json.dumps(genome)

        def loads(self, text):
            return tuple(json.loads(text))

    assert "genomes are written as json" in faults(Bare)


def test_lost_digits_are_found() -> None:
    class Rounded(ToyEncoding):
        def loads(self, text):
            return tuple(round(number, 3) for number in super().loads(text))

    assert "loads gives the equal genome" in faults(Rounded)


def test_loading_garbage_is_found() -> None:
    class Trusting(ToyEncoding):
        def loads(self, text):
            return tuple(json.loads(text)["numbers"])

    class Lenient(ToyEncoding):
        def loads(self, text):
            try:
                return super().loads(text)
            except ValueError:
                return self.create([1])[0]

    assert faults(Trusting) == faults(Lenient) == {"loads refuses garbage"}


@pytest.mark.parametrize(
    "distance", [lambda a, b: 1.0, lambda a, b: float("nan"), lambda a, b: a[0] - b[0]]
)
def test_a_wrong_distance_is_found(distance) -> None:
    class Distant(ToyEncoding):
        def distance(self, a, b):
            return distance(a, b)

    assert faults(Distant) == {"distance is zero to itself and symmetric"}


def test_a_wrong_size_or_graph_is_found() -> None:
    class Sized(ToyEncoding):
        def size(self, genome):
            return len(genome)

    class Graphed(ToyEncoding):
        def graph(self, genome):
            return {"nodes": []}

    assert faults(Sized) == faults(Graphed) == {"size and graph describe the genome"}
