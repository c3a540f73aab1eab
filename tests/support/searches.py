"""Short runs on the tiny encoding and target of neatfool.testing, for the tests of the loop."""

import shutil
from dataclasses import replace

from neatfool.evolution.assembly import Assembly, assemble
from neatfool.evolution.python_target import PythonRegistration
from neatfool.evolution.resuming import resume
from neatfool.evolution.session import start
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.experiment.framework import CallSettings, GeneralSettings
from neatfool.experiment.plugin_choice import PluginChoice
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import NoOptions
from neatfool.run.folder import DATABASE
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyEncoding, ToyTarget
from neatfool_plugins.map_elites import MapElites, Options
from tests.support.databases import contents


class Silence:
    """Nobody looks on."""

    def run_started(self, run):
        pass

    def generation_done(self, run, report):
        pass

    def elite_replaced(self, run, replacement):
        pass

    def run_finished(self, run, outcome):
        pass


class Snapshots(Silence):
    """Copies the run's folder after some generations: what a kill at that instant leaves."""

    def __init__(self, folder, stops):
        self.folder, self.stops = folder, stops

    def generation_done(self, run, report):
        if report.generation + 1 in self.stops:
            shutil.copytree(run.path, self.folder / f"killed-{report.generation + 1}")


class Witness(Silence):
    """Notes the reports of the generations, and the replacements in them."""

    def __init__(self):
        self.reports, self.replacements = [], []

    def generation_done(self, run, report):
        self.reports.append(report)

    def elite_replaced(self, run, replacement):
        self.replacements.append(replacement)


def stop_after(generations):
    """Make what asks a run to stop after so many generations of this session."""
    left = iter([False] * (generations - 1) + [True])
    return lambda: next(left, True)


def run_whole(assembly, folder):
    """Begin a run and go to its end; give the run, to be read."""
    session = start(assembly, folder)
    session.go(Silence())
    return session.run


def begin(folder, text, *overrides):
    """Begin the run of an experiment, whose file is written beside the run's folder."""
    file = folder.parent / f"{folder.name}.ini"
    file.write_text(text)
    return start(assemble(load_experiment(file, overrides=overrides)), folder)


def go_on(folder):
    """Resume as another process would: with nothing but the folder."""
    return resume(lambda resolved, plan: assemble(Experiment.from_resolved(resolved), plan), folder)


def kill_and_resume(folder, text, stops):
    """Kill a run after some generations, and go on; give what all its databases must have."""
    assert begin(folder / "run", text).go(Snapshots(folder, stops)).reason == "finished"
    expected = contents(folder / "run" / "run.db")
    for generations in stops:
        killed = folder / f"killed-{generations}"
        go_on(killed).go(Silence())
        assert contents(killed / "run.db") == expected
    return expected


def toy_assembly(generations=6, *, images=None, seed=1, target=None, **more):
    """Put toys together; ``more`` are other parts, and other things that the experiment says."""
    parts = {key: more.pop(key) for key in ("scorer", "encoding", "scheme") if key in more}
    scorer = parts.pop("scorer", None)
    target = target or (scorer.target if scorer else ToyTarget())
    experiment = Experiment(
        general=GeneralSettings(
            name="toy",
            seed=seed,
            generations=None if images else generations,
            images=images,
        ),
        calls=CallSettings(),
        target=toy_choice("target", "toy", lambda _: target),
        encoding=toy_choice("encoding", "toy", lambda _, spec: ToyEncoding()),
        scheme=toy_choice("scheme", "map_elites", MapElites, Options(batch=20)),
        text="[experiment]\n",
    )
    assembly = Assembly(experiment)
    name = {"name": "target 'toy'", "fingerprint": more.pop("fingerprint", "toy")}
    assembly.scorer = scorer or Scorer(target, plan=ScoringPlan(20), **name)
    vars(assembly).update(parts)
    assembly.experiment = replace(experiment, **more)
    return assembly


def follow(folder, generations, *plugins, anew=False):
    """Start a run of toys, or go on with it, before observers; give the run, to be read."""
    manager = PluginManager()
    for number, plugin in enumerate(plugins):
        manager.register_object(plugin, f"observer {number}")
    if (folder / DATABASE).exists() and not anew:
        session = resume(lambda _resolved, _plan: toy_assembly(generations), folder)
    else:
        session = start(toy_assembly(generations), folder, overwrite=True)
    session.go(manager.observers())
    return session.run


def toy_choice(kind, name, factory, options=None):
    options = options or NoOptions()
    return PluginChoice(
        PythonRegistration(name, kind, factory, type(options), f"{kind} {name!r}"), options
    )
