"""Plugins are found and loaded by name; whatever is wrong with one is told with its source."""

import sys
from types import ModuleType

import pytest
from pydantic import BaseModel, Field

from neatfool import hookimpl
from neatfool.errors import ExperimentError, PluginError
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import NoOptions, Registration
from neatfool.testing import ToyTarget

TARGET = """
from neatfool import hookimpl

@hookimpl
def neatfool_register_targets(register):
    register({name!r}, dict)
"""


def target_plugin(*args, **kwargs):
    """Make a plugin that registers a target with these arguments."""

    class Plugin:
        @hookimpl
        def neatfool_register_targets(self, register):
            register(*args, **kwargs)

    return Plugin()


# what is installed


def test_each_module_of_a_package_is_listed_without_importing_it(distribute):
    modules = {"flock/__init__": "", "flock/rook": TARGET.format(name="rook"), "flock/two": "1 / 0"}
    points = {"target.*": "flock", "target.crow": "flock.two"}
    distribute("birds", points, modules)
    manager = PluginManager()
    birds = {entry.name: entry.value for entry in manager.available() if entry.source == "birds"}
    assert birds == {"rook": "flock.rook", "crow": "flock.two"}
    assert "flock.rook" not in sys.modules
    assert manager.load("target", "rook").source == "birds 1.2, flock.rook"


def test_a_distribution_that_was_half_removed_hides_no_other(distribute, tmp_path):
    distribute("birds", {"target.bird": "no_such_module"})
    (metadata,) = tmp_path.glob("*/birds-1.2.dist-info/METADATA")
    metadata.unlink()
    entries = {(entry.kind, entry.name): entry for entry in PluginManager().available()}
    assert entries["target", "bird"].source == "?"
    assert entries["target", "mnist"].source == "neatfool"


def test_only_what_is_asked_for_is_imported(distribute):
    distribute(
        "birds",
        {"target.tit": "birds_tit", "target.jay": "birds_jay"},
        {"birds_tit": TARGET.format(name="tit"), "birds_jay": TARGET.format(name="jay")},
    )
    registration = PluginManager().load("target", "tit")
    assert (registration.kind, registration.name, registration.factory) == ("target", "tit", dict)
    assert registration.options is NoOptions
    assert registration.source == "birds 1.2, birds_tit"
    assert "birds_tit" in sys.modules
    assert "birds_jay" not in sys.modules


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_one_that_cannot_be_imported_breaks_only_its_own_use(distribute, code, cause):
    distribute(
        "birds",
        {"target.tit": "birds_tit", "target.jay": "birds_jay"},
        {"birds_tit": code, "birds_jay": TARGET.format(name="jay")},
    )
    manager = PluginManager()
    with pytest.raises(PluginError) as raised:
        manager.load("target", "tit")
    assert str(raised.value).startswith(
        f"target 'tit' (birds 1.2, birds_tit): cannot be imported: {cause}"
    )
    assert manager.load("target", "jay").name == "jay"


UNKNOWN_HOOK = """
from neatfool import hookimpl
@hookimpl
def neatfool_register_target(register): ...
"""


@pytest.mark.parametrize(
    ("code", "others", "words"),
    [
        (
            TARGET.format(name="titt"),
            {},
            r"target 'tit' \(birds 1.2, birds_m\): registers no target of that name; did you mean "
            r"'titt'\?",
        ),
        (UNKNOWN_HOOK, {}, "target 'tit': birds 1.2, birds_m: there is no hook 'neatfool_reg.*t'"),
        (
            TARGET.format(name="tit"),
            {"target.tit": "more_m"},
            "there are two targets named 'tit': birds 1.2, birds_m and more-birds 1.2, more_m; "
            "rename or remove one",
        ),
    ],
)
def test_what_is_wrong_with_an_installed_one_is_told_with_its_source(
    distribute, code, others, words
):
    distribute("birds", {"target.tit": "birds_m"}, {"birds_m": code})
    distribute("more-birds", others)
    with pytest.raises(PluginError, match=words):
        PluginManager().load("target", "tit")


def test_a_module_with_two_entry_points_is_registered_once(distribute):
    code = TARGET.format(name="tit") + TARGET.format(name="pit").replace("targets", "schemes")
    distribute("birds", {"target.tit": "birds_m", "scheme.pit": "birds_m"}, {"birds_m": code})
    manager = PluginManager()
    assert manager.load("target", "tit").source == manager.load("scheme", "pit").source
    assert len([entry for entry in manager.available() if entry.source == "birds"]) == 2


# what is registered


def test_a_factory_may_be_named_and_is_imported_when_it_is_called():
    manager = PluginManager()
    manager.register_object(target_plugin("toy", "neatfool.testing.toys:ToyTarget"), "here")
    manager.register_object(target_plugin("absent", "there_is_no_such_module:Target"), "there")
    assert isinstance(manager.load("target", "toy").make(), ToyTarget)
    with pytest.raises(ExperimentError, match="the package there_is_no_such_module is not inst"):
        manager.load("target", "absent").make()
    manager.register_object(target_plugin("misspelt", "neatfool.testing.toys:Toy"), "elsewhere")
    with pytest.raises(PluginError, match=r"target 'misspelt' \(elsewhere\): AttributeError.*Toy"):
        manager.load("target", "misspelt").make()


class Taking(BaseModel):
    mine: int = Field(1, alias="batch_size")


def twice(self, register):
    register("toy", dict)
    register("toy", list)


def failing(self, register):
    register("toy", dict)
    raise KeyError("weights")


def raising(self, register):
    raise ExperimentError("mind the gap")


def wrapping(self, register):
    yield


def plugin(**hooks):
    return type("Plugin", (), hooks)()


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (target_plugin("toy", dict, options=dict), "AttributeError: .*'dict' has no .*fields'"),
        (
            target_plugin("toy", dict, options=Taking),
            r"register\('toy', ...\): the option 'batch_size' is neatfool's own in .target.",
        ),
        (
            plugin(neatfool_register_targets=hookimpl(twice)),
            r"register\('toy', ...\): registers two targets of this name; rename one",
        ),
        (
            plugin(neatfool_register_targets=hookimpl(failing)),
            r"KeyError: 'weights' \(.*test_manager.py, line ",
        ),
        (plugin(neatfool_register_targets=hookimpl(raising)), ".*mind the gap"),
        (
            plugin(neatfool_register_target=hookimpl(lambda self, register: None)),
            "there is no hook .*target'; did you mean 'neatfool_register_targets'",
        ),
        (
            plugin(neatfool_run_started=hookimpl(lambda self, ran: None)),
            ".*neatfool_run_started.*'ran'",
        ),
        (plugin(neatfool_register_views=hookimpl(wrapper=True)(wrapping)), ".*views.*wrapper"),
        (
            plugin(neatfool_register_targets=lambda self, register: None),
            ".*is not marked as a hook; put @neatfool.hookimpl",
        ),
        (ModuleType("nothing"), "implements no hook of neatfool"),
    ],
)
def test_what_is_wrong_with_a_plugin_is_told_and_it_is_not_kept(plugin, words):
    manager = PluginManager()
    with pytest.raises(PluginError, match=f"(?s)^here: {words}"):
        manager.register_object(plugin, "here")
    assert "toy" not in manager.names("target")


def test_one_that_failed_can_be_registered_when_it_is_mended():
    manager = PluginManager()
    with pytest.raises(PluginError):
        manager.register_object(target_plugin("toy", dict, options=dict), "here")
    manager.register_object(target_plugin("toy", dict), "here")
    assert manager.load("target", "toy").factory is dict


def test_a_misspelt_hook_does_not_spoil_later_plugins():
    manager = PluginManager()
    misspelt = type("Plugin", (), {"neatfool_oops": hookimpl(lambda self: None)})()
    with pytest.raises(PluginError):
        manager.register_object(misspelt, "here")
    manager.register_object(target_plugin("toy", dict), "there")
    assert manager.load("target", "toy").source == "there"


# observers and commands


def test_an_observer_without_observer_hooks_is_told(distribute):
    distribute("birds", {"observer.tit": "birds_m"}, {"birds_m": TARGET.format(name="tit")})
    with pytest.raises(PluginError, match=r"observer 'tit' .*implements no observer hook"):
        PluginManager().load_observer("tit")


def made_from(options):
    return options


def test_a_factory_with_other_parameters_is_blamed():
    registration = Registration("toy", "encoding", made_from, NoOptions, "toy.py")
    fault = "TypeError: made_from() got an unexpected keyword argument 'spec'"
    with pytest.raises(PluginError) as raised:
        registration.make(NoOptions(), spec=1)
    assert str(raised.value) == f"encoding 'toy' (toy.py): {fault}"
