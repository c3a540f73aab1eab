"""The checks that every encoding must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool.testing.breeding_checks import (
    check_breed_depends_on_parents_and_seed_alone,
    check_breed_gives_one_child_a_litter,
    check_breed_leaves_parents_unchanged,
    check_breed_takes_fewer_parents,
    check_create_depends_on_the_seed_alone,
    check_create_gives_one_genome_a_seed,
    check_global_randomness_is_left_alone,
    check_parents_is_one_or_two,
)
from neatfool.testing.encoding_subject import GREY, EncodingSubject
from neatfool.testing.expectation import Suite, add_tests
from neatfool.testing.genome_checks import (
    check_bytes_give_the_same_image,
    check_distance_is_zero_to_itself_and_symmetric,
    check_genomes_are_written_as_json,
    check_loads_gives_the_equal_genome,
    check_loads_refuses_garbage,
    check_size_and_graph_describe_the_genome,
)
from neatfool.testing.parameter_checks import (
    check_parameter_gradients_lead_uphill,
    check_parameters_are_all_there_or_none,
    check_parameters_are_written_back,
)
from neatfool.testing.rendering_checks import (
    check_a_box_is_a_part_of_the_whole,
    check_images_differ,
    check_render_at_the_targets_size_equals_render,
    check_render_gives_the_same_bits_in_any_batch,
    check_render_gives_the_targets_images,
)

if TYPE_CHECKING:
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.image_spec import ImageSpec

ENCODING_CHECKS = (
    check_parents_is_one_or_two,
    check_create_gives_one_genome_a_seed,
    check_create_depends_on_the_seed_alone,
    check_breed_gives_one_child_a_litter,
    check_breed_depends_on_parents_and_seed_alone,
    check_breed_leaves_parents_unchanged,
    check_breed_takes_fewer_parents,
    check_global_randomness_is_left_alone,
    check_render_gives_the_targets_images,
    check_images_differ,
    check_render_gives_the_same_bits_in_any_batch,
    check_render_at_the_targets_size_equals_render,
    check_a_box_is_a_part_of_the_whole,
    check_genomes_are_written_as_json,
    check_loads_gives_the_equal_genome,
    check_loads_refuses_garbage,
    check_bytes_give_the_same_image,
    check_distance_is_zero_to_itself_and_symmetric,
    check_size_and_graph_describe_the_genome,
    check_parameters_are_all_there_or_none,
    check_parameters_are_written_back,
    check_parameter_gradients_lead_uphill,
)


class EncodingSuite(Suite[EncodingSubject]):
    """The tests that every encoding passes.

    Example::

        class TestBlocks(EncodingSuite):
            def make_encoding(self, spec):
                return Blocks(Options(), spec=spec)

        class TestBlocksInColour(TestBlocks):
            spec = COLOUR

    Attributes:
        spec: The images to make; by default small and grey.
    """

    spec: ImageSpec = GREY

    def make_encoding(self, spec: ImageSpec) -> Encoding[Any]:
        """Make the encoding to test."""
        raise NotImplementedError("say how to make the encoding: override make_encoding(spec)")

    def make_subject(self) -> EncodingSubject:
        """Make the encoding's subject."""
        return EncodingSubject(lambda: self.make_encoding(self.spec), self.spec)


add_tests(EncodingSuite, ENCODING_CHECKS)
