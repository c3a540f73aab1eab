"""The rules that hold the code together, read off its syntax trees."""

import ast
import re
from functools import cache
from pathlib import Path

import networkx as nx
import pytest
from other_process import run_python

import neatfool
import neatfool.files
import neatfool.measure
import neatfool.network
import neatfool.server
import neatfool.wording

ROOT = Path(__file__).parents[2]
FRAMEWORK = sorted((ROOT / "neatfool").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
MODULES = [*FRAMEWORK, *PLUGINS]

RUN_CODE_WHEN_THEY_READ = {
    "cPickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "pickle",
    "shelve",
}


def place(path, node):
    return f"{path.relative_to(ROOT)}:{node.lineno}"


@cache
def parsed(path):
    return [*ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path)))]


def nodes(paths, *kinds):
    for path in paths:
        for node in parsed(path):
            if isinstance(node, kinds):
                yield path, node


def imported_modules(paths):
    """Give (place, module) for every absolute import, also of those within functions."""
    for path, node in nodes(paths, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from ((place(path, node), alias.name) for alias in node.names)
        elif not node.level:
            yield place(path, node), node.module


def dotted(expression):
    """Write ``torch.load`` for that expression; empty for what is no dotted name."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute) and (owner := dotted(expression.value)):
        return f"{owner}.{expression.attr}"
    return ""


def argument(call, name):
    return next((kw.value for kw in call.keywords if kw.arg == name), None)


def is_constant(node, value):
    return isinstance(node, ast.Constant) and node.value is value


def test_there_is_code_to_look_at():
    assert len(FRAMEWORK) > 20
    assert len(PLUGINS) > 5


def test_the_framework_knows_no_plugin():
    found = [
        where
        for where, module in imported_modules(FRAMEWORK)
        if module.split(".")[0] in {"neatfool_plugins", "plugins"}
    ]
    assert found == []


PACKAGES = [
    neatfool,
    neatfool.cppn,
    neatfool.measure,
    neatfool.models,
    neatfool.network,
    neatfool.ood,
    neatfool.present,
    neatfool.files,
    neatfool.testing,
    neatfool.wording,
    neatfool.server,
]
PUBLIC = {module.__name__: {*module.__all__} for module in PACKAGES}


def test_plugins_import_only_the_public_names():
    outside = []
    for path, node in nodes(PLUGINS, ast.Import, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            private = {name for name in names if name.split(".")[0] == "neatfool"}
        elif not node.level and node.module.split(".")[0] == "neatfool":
            private = {f"{node.module}.{name}" for name in names - PUBLIC.get(node.module, set())}
        else:
            private = set()
        outside += [(place(path, node), name) for name in sorted(private)]
    assert outside == []


def test_nothing_is_read_or_written_by_a_serialiser_that_runs_code():
    found = [
        (where, module)
        for where, module in imported_modules(MODULES)
        if module.split(".")[0] in RUN_CODE_WHEN_THEY_READ
    ]
    for path, call in nodes(MODULES, ast.Call):
        name, pickles = dotted(call.func), argument(call, "allow_pickle")
        if (
            name == "torch.save"
            or (name == "torch.load" and not is_constant(argument(call, "weights_only"), True))
            or (pickles is not None and not is_constant(pickles, False))
        ):
            found.append((place(path, call), name))
    assert found == []


def test_nothing_is_evaluated():
    found = [
        (place(path, call), dotted(call.func))
        for path, call in nodes(MODULES, ast.Call)
        if dotted(call.func) in {"eval", "exec", "builtins.eval", "builtins.exec"}
    ]
    assert found == []


def test_the_library_does_not_print():
    found = [
        place(path, call) for path, call in nodes(MODULES, ast.Call) if dotted(call.func) == "print"
    ]
    assert found == []


def test_no_exception_is_swallowed_unseen():
    found = [
        place(path, handler)
        for path, handler in nodes(MODULES, ast.ExceptHandler)
        if handler.type is None
        or (dotted(handler.type) == "ImportError" and isinstance(handler.body[0], ast.Pass))
    ]
    assert found == []


HANDBOOK = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOUSE = re.findall(r"^\| `(\w+)` \|", HANDBOOK.split("## Where is")[0], re.MULTILINE)
"""The packages from the ground up, as the guide for contributors lists them."""
ROOMS_OF_CPPN = re.findall(
    r"`(\w+)`", HANDBOOK.split("Within `cppn` the order is")[1].split(".")[0]
)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_within_the_framework():
    """Give (module, module that it imports) for each import, type-only and late ones too."""
    names = {name_of(path) for path in FRAMEWORK}
    for path, node in nodes(FRAMEWORK, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            found = {alias.name for alias in node.names}
        else:
            found = {f"{node.module}.{alias.name}" for alias in node.names}
            found = {each if each in names else node.module for each in found}
        yield from ((name_of(path), each) for each in sorted(found & names))


def floor(module):
    _, *rooms = module.split(".")
    upstairs = ROOMS_OF_CPPN.index(rooms[1]) if rooms[0] == "cppn" and rooms[1:] else 0
    return HOUSE.index(rooms[0]), upstairs


def test_each_room_has_its_floor():
    rooms = {path.stem if path.is_file() else path.name for path in (ROOT / "neatfool").iterdir()}
    assert rooms - {"__init__", "__pycache__", "py"} == {*HOUSE}
    assert len(HOUSE) == len({*HOUSE})


def test_imports_go_down_only():
    up = [
        f"{module} imports {imported}"
        for module, imported in imports_within_the_framework()
        if imported != "neatfool" and module != "neatfool" and floor(imported) > floor(module)
    ]
    assert up == []


def test_no_modules_import_each_other_in_a_circle():
    graph = nx.DiGraph(pair for pair in imports_within_the_framework() if pair[0] != pair[1])
    assert [sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1] == []


def test_no_modules_of_plugins_import_each_other_in_a_circle():
    names, graph = {name_of(path) for path in PLUGINS}, nx.DiGraph()
    for path, node in nodes(PLUGINS, ast.ImportFrom):
        folder = path.relative_to(ROOT).parent.parts
        package = [*folder[: len(folder) - node.level + 1], *filter(None, [node.module])]
        for alias in node.names if node.level else ():
            module = ".".join([*package, alias.name])
            graph.add_edge(name_of(path), module if module in names else ".".join(package))
    assert {*graph} <= names
    assert [sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1] == []


def test_no_plugin_imports_another_plugins_modules():
    found = set()
    for path, node in nodes(PLUGINS, ast.Import, ast.ImportFrom):
        folder, level = path.relative_to(ROOT).parent.parts, getattr(node, "level", 0)
        package = [*folder[: len(folder) - level + 1]] if level else []
        module = [*package, *filter(None, [getattr(node, "module", None)])]
        for alias in node.names:
            there = ".".join([*module, alias.name]).split(".")
            if there[0] in {"plugins", "neatfool_plugins"}:
                found.add((path.relative_to(ROOT / "plugins").with_suffix("").parts[0], there[1]))
    assert {(here, there) for here, there in found if here != there} == set()


def test_every_module_lies_in_a_package():
    homeless = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if "templates" not in path.parts and not (path.parent / "__init__.py").exists()
    ]
    assert homeless == []


def test_tests_lie_where_what_they_test_lies():
    tests = ROOT / "tests"
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}
    code = [ROOT / "neatfool", ROOT]  # plugins and benchmarks lie beside the package
    lost = {each for each in folders if not any((place / each).is_dir() for place in code)}
    assert lost == {"promises"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_public_names_are_shown_and_can_be_imported_at_once(package):
    assert {*package.__all__} <= {*dir(package)}
    names: dict[str, object] = {}
    exec(f"from {package.__name__} import *", names)  # as a reader at a prompt would
    assert {*package.__all__} == {*names} - {"__builtins__"}


@pytest.mark.parametrize("package", PACKAGES[:-4], ids=lambda package: package.__name__)
def test_public_names_stand_in_the_stub_only(package):
    stub = Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^from \S+ import \w+ as (\w+)$", stub, re.M)) == sorted(
        package.__all__
    )
    assert sorted(dir(package)) == sorted(package.__all__)


@pytest.mark.parametrize(
    "module", [neatfool, neatfool.measure, neatfool.present], ids=lambda module: module.__name__
)
def test_each_public_name_is_there_and_described(module):
    assert [name for name in module.__all__ if not getattr(module, name).__doc__] == []


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        neatfool.no_such_name  # noqa: B018


def test_the_command_line_starts_without_what_is_heavy():
    heavy = {"torch", "torchvision", "matplotlib", "neat", "networkx", "safetensors", "scipy"}
    heavy |= {"numpy", "numba", "PIL", "jinja2", "pydantic", "rich"}
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from neatfool.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(*sorted(set(sys.modules)))\n"
    )
    assert heavy & set(run_python(program).split()) == set()


CONTRACTS = (
    neatfool.Target,
    neatfool.Differentiable,
    neatfool.MeteredTarget,
    neatfool.Encoding,
    neatfool.Parametric,
    neatfool.Learnable,
    neatfool.Pictorial,
    neatfool.Scheme,
    neatfool.View,
    neatfool.Engine,
)
OF_OTHERS = {"size"}
"""Members that objects of other libraries have, too."""


def test_no_member_of_a_contract_is_looked_up_by_its_name():
    members = {
        name
        for contract in CONTRACTS
        for name in {*vars(contract), *contract.__annotations__}
        if name[0] != "_"
    }
    assert {"score", "networks", "logits_of", "in_generation", "bar", "together"} <= members
    found = [
        (place(path, call), call.args[1].value)
        for path, call in nodes(MODULES, ast.Call)
        if dotted(call.func) in {"getattr", "hasattr"}
        and isinstance(call.args[1], ast.Constant)
        and call.args[1].value in members - OF_OTHERS
    ]
    assert found == []
