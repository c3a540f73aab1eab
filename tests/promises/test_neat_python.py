"""What neat-python does for us is what it did when the results of this project were recorded.

If this fails with another version of neat-python, the same experiment no longer gives the same run:
keep neat-python below that version in setup.cfg, or say in CHANGELOG.md that results change.
"""

import json
from zlib import crc32

import numpy as np
import pytest

from neatfool import ImageSpec, Scores
from neatfool_plugins.cppn import CppnEncoding
from neatfool_plugins.cppn import Options as CppnOptions
from neatfool_plugins.single_class import Options, SingleClass

SPEC = ImageSpec(height=2, width=2, channels=1, classes=("ant", "bee"))


def bees(candidates, encoding):
    """Score candidates: the larger, the more of a bee."""
    sizes = np.array([sum(vars(encoding.size(each.genome)).values()) for each in candidates])
    logits = np.stack([np.zeros(len(sizes)), sizes / 10], 1)
    odds = np.exp(logits)
    return Scores(odds / odds.sum(1, keepdims=True), logits)


def shape(candidate):
    genome = candidate.genome
    edges = {f"{key}": gene.enabled for key, gene in genome.connections.items()}
    functions = {f"{key}": gene.activation for key, gene in genome.nodes.items()}
    return [candidate.id, candidate.parents, edges, functions]


@pytest.fixture(scope="module")
def generations():
    options = CppnOptions(preset="neat", renderer="plain", device="cpu")
    encoding = CppnEncoding(options, spec=SPEC)
    search = Options(
        population=30, classes=["bee"], stop_at=1, DefaultStagnation={"max_stagnation": 4}
    )
    scheme = SingleClass(search, encoding=encoding, spec=SPEC, seed=1)
    bred = []
    for _ in range(20):
        bred.append(list(scheme.ask()))
        scheme.tell(bred[-1], bees(bred[-1], encoding))
    return encoding, bred


def test_it_chooses_and_breeds_as_it_did(generations):
    _, bred = generations
    shapes = [shape(candidate) for generation in bred for candidate in generation]
    found = crc32(json.dumps(shapes).encode())
    assert found == 2361615473


def test_it_measures_distances_as_it_did(generations):
    encoding, bred = generations
    first, *others = (candidate.genome for candidate in bred[-1][:4])
    distances = [encoding.distance(first, other) for other in others]
    assert distances == pytest.approx([3.5057395360645, 3.1960393037921, 3.2978864394365], rel=1e-9)
