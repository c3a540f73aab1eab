"""Private interfaces of other projects are there, and neatfool does the same without them.

They are private, deprecated or not documented:

- PyTorch: ``torch.jit.trace``, ``freeze``, the methods of its graphs, ``enable_onednn_fusion``
  (``neatfool/network/frozen_graph.py``), for fused graphs; else the module computes as written.
- PyTorch: ``torch._C._create_function_from_graph`` (the same module); else the memory of a graph
  that is not used any more stays taken.
- PyTorch: ``torch.ops.mkldnn._is_mkldnn_bf16_supported`` (``neatfool/network/network.py``); else a
  CPU does not screen in bf16.
- PyTorch: ``_orig_mod`` (``neatfool/network/image_module.py``), the module that was handed to
  ``torch.compile``; else the compiled one is used (``tests/fooling/test_models_people_have.py``).
- glibc: ``mallopt`` and ``malloc_trim`` by ctypes (``neatfool/machine.py``,
  ``neatfool/network/devices.py``), to keep freed memory; else it is as slow as PyTorch by itself.
- numba: the option ``_nrt`` (``neatfool/compiling.py``), so that compiled code counts no
  references; else the same code is slower.
- numba: ``numba.core``, for a switch among compiled functions, and names of the files that it keeps
  (``neatfool/compiling.py``, ``neatfool/cppn/draw``, ``neatfool/cppn/jit.py``); else the plain
  renderer draws, and nothing is compiled beside. See ``tests/cppn/test_jit.py``.
- numba: ``_config_fname`` (``neatfool/machine.py``), so that it reads no ``.numba_config.yaml`` in
  the working folder; else it does. See ``test_working_folder.py``.

neat-python's genes and configuration are public; ``test_neat_python.py`` holds how they are used.
"""

import ast
import ctypes
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from neat.genome import DefaultGenomeConfig
from torch import nn

from neatfool import Network, machine
from neatfool.cppn import PRESETS, ConnectionGene, GenomeOptions, NodeGene
from neatfool.network import devices
from neatfool.network.network import Form, in_form

ROOT = Path(__file__).parents[2]
FROZEN, FUSED = Form("fp32", "frozen"), Form("fp32", "fused")
IMAGES = torch.randint(0, 256, (2, 3, 9, 10), dtype=torch.uint8, generator=torch.manual_seed(0))


def classifier():
    torch.manual_seed(1)
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(224, 5)
    return nn.Sequential(*layers).eval().requires_grad_(False)


def scores_and_graphs(form):
    network = Network(classifier(), device="cpu")
    with in_form([network], form):
        return network(IMAGES).clone(), network.graphs(form)


def test_no_other_private_name_is_used():
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("neatfool", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    used, own = set(), set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()):
                used.add(name)
            case ast.Call(func=ast.Name("getattr" | "hasattr"), args=[_, ast.Constant(name), *_]):
                used.add(str(name))
            case ast.Attribute(attr=name) | ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                own.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                own.add(name)
    private = {name for name in used - own if name.startswith("_") and not name.startswith("__")}
    assert {name for name in private if name not in __doc__} == {"_exit"}, "it is Python's, in os"


# PyTorch


def test_torch_freezes_graphs():
    _, frozen = scores_and_graphs(FROZEN)
    assert frozen == {"frozen"}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="needs oneDNN")
def test_torch_fuses_graphs():
    _, fused = scores_and_graphs(FUSED)
    assert fused == {"fused"}


@pytest.mark.parametrize("name", ["trace", "freeze", "onednn_fusion_enabled"])
def test_without_tracing_a_network_scores_the_same(monkeypatch, name):
    wanted, _ = scores_and_graphs(FROZEN)
    monkeypatch.delattr(torch.jit, name)
    found, graphs = scores_and_graphs(FROZEN)
    assert graphs == {"eager"}
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_torch_makes_functions_of_graphs():
    assert callable(torch._C._create_function_from_graph)


def test_without_functions_of_graphs_a_network_is_frozen_all_the_same(monkeypatch):
    wanted, _ = scores_and_graphs(FROZEN)
    monkeypatch.delattr(torch._C, "_create_function_from_graph")
    found, graphs = scores_and_graphs(FROZEN)
    assert graphs == {"frozen"}
    assert torch.equal(found, wanted)


def test_torch_knows_whether_bf16_is_fast():
    assert torch.ops.mkldnn._is_mkldnn_bf16_supported() in {True, False}


def test_without_that_knowledge_a_network_has_no_half_precision(monkeypatch):
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert Network(classifier(), device="cpu").half is None


def test_without_the_module_inside_the_compiled_one_is_used():
    class Compiled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module_of_another_name = classifier()
            self.eval()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.module_of_another_name(images)

    network = Network(Compiled(), device="cpu")
    assert torch.equal(network(IMAGES), Network(classifier(), device="cpu")(IMAGES))


# libc


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_malloc_takes_options():
    if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        pytest.skip("needs glibc")
    assert machine.keep_freed_memory()
    assert ctypes.CDLL(None).malloc_trim(0) in {0, 1}


@pytest.mark.parametrize("missing", [AttributeError, OSError, TypeError])
def test_without_options_of_malloc_nothing_fails(monkeypatch, missing):
    def library(_: object) -> object:
        raise missing

    monkeypatch.setattr(ctypes, "CDLL", library)
    machine.keep_freed_memory.cache_clear()
    assert not machine.keep_freed_memory()
    devices.FreedMemory().give_back()
    machine.keep_freed_memory.cache_clear()


# numba

COUNTED = """
import numpy as np
from neatfool.compiling import outer
@outer("float64(float64[::1])")
def add_up(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total
"""


def add_up(folder):
    """Compile a function whose code is kept in a folder."""
    (folder / "adding.py").write_text(COUNTED)
    spec = importlib.util.spec_from_file_location("adding", folder / "adding.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.add_up


def test_numba_need_not_count_references():
    cpu = pytest.importorskip("numba.core.cpu")
    assert hasattr(cpu.CPUTargetOptions, "_nrt")


def test_without_that_option_compiled_code_does_the_same(monkeypatch, tmp_path):
    cpu = pytest.importorskip("numba.core.cpu")
    (owner,) = [each for each in cpu.CPUTargetOptions.__mro__ if "_nrt" in vars(each)]
    monkeypatch.delattr(owner, "_nrt")
    assert add_up(tmp_path)(np.arange(5.0)) == 10.0


def test_numba_keeps_code_under_a_functions_name(tmp_path, monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    function = add_up(tmp_path)
    kept = Path(function.stats.cache_path)
    assert [*kept.glob(f"*.{function.__qualname__}-*.nbi")]


def test_numba_names_its_settings_file():
    config = pytest.importorskip("numba.core.config")
    assert hasattr(config, "_config_fname")


# neat-python


def test_no_key_of_neat_pythons_genomes_is_missing():
    """neat-python lists them only privately, so neatfool has a list of its own."""
    values = dict.fromkeys(GenomeOptions.model_fields, "1")
    values |= {key: str(value) for key, value in PRESETS["paper"].values.items()}
    values |= {"activation_default": "random", "aggregation_default": "random"}
    genes = {"node_gene_type": NodeGene, "connection_gene_type": ConnectionGene}
    listed = [each.name for each in DefaultGenomeConfig({**values, **genes})._params]
    # There may be keys of neatfool's own operators, too.
    assert [each for each in GenomeOptions.model_fields if each in listed] == listed
