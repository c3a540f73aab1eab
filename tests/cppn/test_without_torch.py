"""CPPNs where torch and numba cannot be imported."""

import pytest
from other_process import run_python
from picbreeder_files import coloured
from random_neat import random_network

from neatfool import cppn

PROGRAM = """
import sys

sys.modules.update(dict.fromkeys(("torch", "torchvision", "numba", "llvmlite")))  # as if missing
import neatfool.cppn as cppn

network = cppn.read("xor.json")
print(len(network.graph()), network.activate([0.5, -0.25]))
for name in ("xor.svg", "xor.py", "xor.graphml", "again.json"):
    cppn.write(network, name)
picture = cppn.read("skull.xml").picture(48)
print(picture.pixels().sum())
cppn.write(picture, "skull.glsl")
config = cppn.genome_config(cppn.resolve(cppn.GenomeOptions(), cppn.PRESETS["patterns"]), 1)
(genome,) = cppn.Breeder(cppn.PRESETS["patterns"], config, cppn.Refinements()).create([3])
print(cppn.NeatNetwork(genome, outputs=("grey",)).picture(40).pixels().shape)
"""
IMPORT = """
import time

begun = time.process_time()
from neatfool.cppn import NeatNetwork, read, write
print(time.process_time() - begun)
"""


@pytest.fixture
def files(tmp_path):
    cppn.write(random_network(4), tmp_path / "xor.json")
    (tmp_path / "skull.xml").write_bytes(coloured())
    return tmp_path


def test_networks_are_read_computed_drawn_and_written(files):
    graph, drawn, shape = run_python(PROGRAM, folder=files).splitlines()
    network = random_network(4)
    assert graph == f"{len(network.graph())} {network.activate([0.5, -0.25])}"
    assert int(drawn) == cppn.read(files / "skull.xml").picture(48).pixels().sum()
    assert shape == "(1, 40, 40)"
    names = {each.name for each in files.iterdir()}
    assert {"xor.svg", "xor.py", "xor.graphml", "again.json", "skull.glsl"} <= names


@pytest.mark.slow
def test_it_is_imported_in_less_than_a_second(tmp_path):
    assert min(float(run_python(IMPORT, folder=tmp_path)) for _ in range(3)) < 1.0
