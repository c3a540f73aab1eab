"""The scheme ``ribs``: each emitter searches, repeats itself, and resumes to the bit."""

from __future__ import annotations

import pytest

from neatfool.testing import SchemeSuite
from neatfool_plugins.ribs.options import OF_THE_MEMORY, RANKERS, Options
from neatfool_plugins.ribs.scheme import Ribs

SMALL = {"emitters": 3, "batch_per_emitter": 6}


class TestEvolutionStrategies(SchemeSuite):
    def make_scheme(self, encoding, spec, seed):
        return Ribs(
            Options(**SMALL, ranker=["improvement", "random_direction"], restart_after=4),
            encoding=encoding,
            spec=spec,
            seed=seed,
        )
