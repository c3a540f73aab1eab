"""Small runs of an objective, from an experiment's file: in named niches, and in a grid."""

from pathlib import Path

from commands import neatfool
from ini_text import ini

PLUGIN = '''\
import numpy as np

from neatfool import GridAxis, ImageSpec, Target, hookimpl


class Calm(Target):
    """How even images are, below 0, and how varied."""

    spec = ImageSpec(12, 10, 1, ("calm", "busy"), kind="objective")

    def __init__(self, options=None):
        pass

    def score(self, images):
        spread = images.std((1, 2, 3)).astype(float)
        return np.stack([-spread, spread], 1)


class Stripes(Calm):
    """How unlike their neighbours pixels are; with brightness and contrast as measures."""

    axes = GridAxis("brightness", 0, 1, 4), GridAxis("contrast", 0, 0.5, 3)
    spec = ImageSpec(12, 10, 1, kind="objective", grid=axes)

    def score(self, images):
        grey = images / 255
        score = np.abs(np.diff(grey)).mean((1, 2, 3)) - 1
        return score, np.stack([grey.mean((1, 2, 3)), grey.std((1, 2, 3))], 1)


@hookimpl
def neatfool_register_targets(register):
    register("calm", Calm)
    register("stripes", Stripes)
'''
EXPERIMENT = ini(
    experiment={"name": "{name}", "images": 600, "seed": 1},
    plugins={"path": "objectives.py"},
    target={"plugin": "{name}"},
    encoding={"plugin": "cppn"},
    scheme={"plugin": "map_elites", "batch": 60},
)


def run_objective(folder: Path, name: str, *options: object) -> Path:
    """Run an experiment whose target is an objective, ``calm`` or ``stripes``."""
    (folder / "objectives.py").write_text(PLUGIN)
    file = folder / f"{name}.ini"
    file.write_text(EXPERIMENT.format(name=name))
    run = folder / "-".join([name, *map(str, options[1::2])])
    result = neatfool("run", file, "--out", run, "--no-report", *options, exit_code=0)
    assert "onfidence" not in result.output
    assert " %" not in result.output.replace("of the time", "").partition("Best")[2]
    return run
