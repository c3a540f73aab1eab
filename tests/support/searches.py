"""Short runs on the tiny encoding and target of neatfool.testing, for the tests of the loop."""

from __future__ import annotations

from neatfool.evolution.assembly import Assembly
from neatfool.evolution.loop import Limits
from neatfool.scoring.plan import Plan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyEncoding, ToyTarget
from neatfool_plugins.map_elites import MapElites, Options


class Silence:
    """Nobody looks on."""

    wants_replacements = False

    def run_started(self, run):
        pass

    def generation_done(self, run, report):
        pass

    def elite_replaced(self, run, replacement):
        pass

    def run_finished(self, run, outcome):
        pass


def toy_assembly(generations=6, *, images=None, checkpoint_every=1, seed=1, target=None, **more):
    target = target or ToyTarget()
    encoding = ToyEncoding()
    options = Options(batch=20)
    scheme = MapElites(options, encoding=encoding, spec=target.spec, seed=seed)
    parts = {
        "name": "toy",
        "seed": seed,
        "limits": Limits(generations, images, checkpoint_every),
        "scorer": more.pop("scorer", None) or Scorer(target, name="target 'toy'", plan=Plan(20)),
        "fingerprint": "toy",
        "encoding": encoding,
        "encoding_name": "encoding 'toy'",
        "scheme": scheme,
        "scheme_name": "scheme 'map_elites'",
        "resolved": {"encoding": {"plugin": "toy"}},
        "identity": {"seed": seed},
        "text": "[experiment]\n",
    }
    return Assembly(**parts | more)
