"""Every built-in target, encoding and scheme keeps its contract, whatever its options."""

from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from faulty_server import CLASSES, FaultyServer

from neatfool.cli.named_plugins import check_plugins, make_plugin
from neatfool.plugin.discovery import installed_plugins
from neatfool.plugin.manager import PluginManager
from neatfool.testing import examine_plugin


def examine(registration, options):
    made = registration.options.model_validate(options or {})
    return examine_plugin(registration.kind, partial(make_plugin, registration, made))


CHECKED = ("target", "encoding", "scheme")
FURTHER = ("model", "detector", "measure", "engine")
BUILT_IN = sorted(
    point.name
    for point in entry_points(group="neatfool")
    if point.dist.name == "neatfool" and point.name.startswith(CHECKED)
)
ELSEWHERE = "target.http"
FROM_FILES = "target.clip", "target.program"
"""The networks and programs are made by their own tests, which run the same checks."""
SLOW = {"target.imagenet": pytest.mark.slow}
NEEDED = {"target.guarded": {"guards": Path(__file__).parents[2] / "experiments" / "mnist.ini"}}
OPTIONS = {
    "encoding.cppn": [
        {"preset": "neat"},
        {"preset": "paper", "inputs": "normalised"},
        {"initial_rounds": 9, "graft": 0.4, "mutation_spread": 1},
    ],
    "encoding.direct": [{"mutation_rate": 0.5, "halve_rate_every": 2}, {"eta": 0}],
    "scheme.gradient": [
        {"batch": 2, "steps": 3},
        {"classes": ["b", "3"], "stop_at": 1, "steps": 9},
        {"preset": "c", "steps": 7, "stop_at": 1},
    ],
    "scheme.map_elites": [{"batch": 7, "initial": 20}, {"classes": ["b", "3"]}],
    "scheme.ribs": [
        {"emitter_count": 3, "batch_per_emitter": 6, "restart_after": 0},
        {"emitter_count": 3, "batch_per_emitter": 6, "classes": ["b", "3"]},
    ],
    "scheme.single_class": [
        {"selection": "rank", "population": 12},
        {"selection": "neat", "population": 12, "classes": ["c", "0"]},
    ],
}


def test_there_are_plugins_to_check():
    assert {"target.mnist", "encoding.cppn", "scheme.map_elites"} <= set(BUILT_IN)


@pytest.mark.parametrize(
    ("plugin", "options"),
    [
        pytest.param(plugin, options, marks=SLOW.get(plugin, ()))
        for plugin in BUILT_IN
        if plugin not in (ELSEWHERE, *FROM_FILES)
        for options in [NEEDED.get(plugin, {}), *OPTIONS.get(plugin, [])]
    ],
)
def test_a_built_in_plugin_keeps_its_contract(plugin, options):
    registration = PluginManager().load(*plugin.split(".", 1))
    results = examine(registration, options)
    assert [result for result in results if not result.passed] == []
    assert len(results) > 10


@pytest.mark.parametrize(
    "plugin",
    [
        pytest.param(entry, marks=pytest.mark.slow if entry.kind == "engine" else ())
        for entry, _ in installed_plugins()
        if entry.kind in FURTHER and entry.source == "neatfool"
    ],
    ids=lambda entry: f"{entry.kind}.{entry.name}",
)
def test_whatever_else_is_built_in_passes_its_checks_too(plugin):
    (results,) = check_plugins(f"{plugin.kind}.{plugin.name}").values()
    assert [result for result in results if not result.passed] == []


@pytest.mark.parametrize(
    "options",
    [
        {"model": "patches"},
        {"model": "patches", "scores_are": "logits"},
        {
            "path": "/dense",
            "body": {"image": "{image}"},
            "scores_at": "scores",
            "classes": [*CLASSES],
        },
    ],
)
def test_the_target_elsewhere_keeps_its_contract(options):
    registration = PluginManager().load(*ELSEWHERE.split(".", 1))
    options = {"allow_private": True, **options}
    if path := options.pop("path", ""):
        options |= {"height": 6, "width": 8, "channels": 1}
    with FaultyServer() as server:
        results = examine(registration, {"url": server.url + path, **options})
    assert [result for result in results if not result.passed] == []
    assert len(results) > 10
