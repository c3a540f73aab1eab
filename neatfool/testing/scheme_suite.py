"""The checks that every scheme must pass, in a search with a tiny encoding and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool.testing.archive_checks import (
    check_a_last_generation_may_be_cut_short,
    check_elites_have_the_confidence_they_were_told,
    check_probabilities_alone_are_enough,
    check_ranks_never_fall,
    check_refused_candidates_never_become_elites,
    check_replacements_agree_with_the_archive,
    check_search_fills_niches,
)
from neatfool.testing.asking_checks import (
    check_ask_gives_candidates,
    check_candidates_are_numbered_through,
    check_has_an_archive_and_a_batch,
    check_leaves_out_what_means_nothing,
    check_parents_are_elites_or_members,
)
from neatfool.testing.expectation import Suite, add_tests
from neatfool.testing.resuming_checks import (
    check_global_randomness_is_left_alone,
    check_members_have_unique_ids,
    check_restored_search_goes_on_to_the_bit,
    check_same_seed_gives_the_same_search,
    check_state_is_json,
)
from neatfool.testing.scheme_subject import SchemeSubject

if TYPE_CHECKING:
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.scheme import Scheme

SCHEME_CHECKS = (
    check_has_an_archive_and_a_batch,
    check_leaves_out_what_means_nothing,
    check_ask_gives_candidates,
    check_candidates_are_numbered_through,
    check_parents_are_elites_or_members,
    check_replacements_agree_with_the_archive,
    check_elites_have_the_confidence_they_were_told,
    check_ranks_never_fall,
    check_search_fills_niches,
    check_same_seed_gives_the_same_search,
    check_global_randomness_is_left_alone,
    check_refused_candidates_never_become_elites,
    check_probabilities_alone_are_enough,
    check_a_last_generation_may_be_cut_short,
    check_state_is_json,
    check_members_have_unique_ids,
    check_restored_search_goes_on_to_the_bit,
)


class SchemeSuite(Suite[SchemeSubject]):
    """The tests that every scheme passes.

    Example::

        class TestClimb(SchemeSuite):
            def make_scheme(self, encoding, spec, seed):
                return Climb(Options(batch=10), encoding=encoding, spec=spec, seed=seed)

        class TestClimbWithCrossover(TestClimb):
            parents = 2

    Attributes:
        parents: How many parents the tiny encoding wants, 1 or 2.
    """

    parents: int = 1

    def make_scheme(self, encoding: Encoding[Any], spec: ImageSpec, seed: int) -> Scheme:
        """Make the scheme to test, with small batches if it has an option for them."""
        raise NotImplementedError(
            "say how to make the scheme: override make_scheme(encoding, spec, seed)"
        )

    def make_subject(self) -> SchemeSubject:
        """Make the scheme's subject."""
        return SchemeSubject(self.make_scheme, parents=self.parents)


add_tests(SchemeSuite, SCHEME_CHECKS)
