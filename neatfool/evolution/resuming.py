"""A run is resumed: what must be the same, and what is restored."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from neatfool.errors import ExperimentError, RunError, blaming
from neatfool.evolution.assembly import Assembly
from neatfool.evolution.session import Session, keep_text
from neatfool.experiment.experiment import agrees, tell_differences
from neatfool.experiment.framework import GeneralSettings
from neatfool.run import folder as run_folder
from neatfool.run.individual import load_genome
from neatfool.run.store import RunStore
from neatfool.scoring.plan import ScoringPlan
from neatfool.spec.archive import Candidate, Elite
from neatfool.spec.json import Json
from neatfool.wording import counted


def resume(assemble: Callable[[dict[str, Json], ScoringPlan], Assembly], folder: Path) -> Session:
    """Resume a run, which is this user's own from then on; ``assemble`` makes it by its record."""
    run_folder.require_run(folder)
    with ExitStack() as undo:
        release = run_folder.lock(folder)
        undo.callback(release)
        store = RunStore.open(folder / run_folder.DATABASE, write=True)
        undo.callback(store.close)
        store.check()
        info = store.info()
        keep_text(folder, info["text"])
        assembly = assemble(info["experiment"], ScoringPlan.from_json(info["scoring"]))
        undo.callback(assembly.scorer.close)
        _check_same(folder, info, assembly, store)
        _restore(assembly, store)
        if (metered := assembly.scorer.metered) is not None:
            metered.open_ledger(store.path)
        if (resolved := assembly.experiment.resolved()) != info["experiment"]:
            if metered is not None and (spent := metered.ledger.overspent()):
                raise ExperimentError(
                    f"{spent}; a budget counts from the run's start, so give a larger one"
                )
            store.keep("experiment", resolved)
        store.adopt()
        undo.pop_all()
    return Session(folder, assembly, store, release)


def _check_same(folder: Path, info: dict[str, Json], assembly: Assembly, store: RunStore) -> None:
    identity, scorer = assembly.experiment.identity(), assembly.scorer
    fault = ""
    if not agrees(info["identity"], identity):
        changes = tell_differences(identity, info["identity"])
        fault = f"the experiment is not the one that the run started with ({changes})"
    elif scorer.fingerprint != info["target"]["fingerprint"]:
        fault = f"the {scorer.name} is not the run's (its weights or code changed)"
    elif (there := info["scoring"]["device"]) != (here := scorer.batches.device):
        fault = f"its images were scored on {there}, and this machine would use {here}"
    if fault:
        raise RunError(f"{folder}: {fault}; undo the change, or start another run")
    old = GeneralSettings.model_validate(info["experiment"]["experiment"])
    new, last = assembly.experiment.general, store.last_generation()
    images = store.evaluations(last)
    if new.length != old.length and new.reached(last + 1, images):
        has = f"{counted(last + 1, 'generation', 'generations')} and {images:,} images"
        fault = f"has {has} already, so {new.length} cannot be its new length"
        raise RunError(f"{folder}: {fault}. Its length is {old.length}; give a greater one")


def _restore(assembly: Assembly, store: RunStore) -> None:
    archive, loads = assembly.scheme.archive, assembly.encoding.loads
    if (metered := assembly.scorer.metered) is not None:
        metered.with_classes(store.classes())
        archive.grow(len(metered.spec.classes))
    elites, candidates = store.elites(), {}
    for id_ in sorted({elite.candidate for elite in elites} | set(store.members())):
        stored = store.candidate(id_)
        genome = load_genome(store, loads, stored)
        candidates[id_] = Candidate(id_, genome, stored.parents, stored.generation)
    for each in elites:
        holder = candidates[each.candidate]
        archive.place(Elite(each.class_index, holder, each.confidence, each.rank))
    if (state := store.state()) is not None:
        with blaming(f"{assembly.experiment.scheme.label}: restore() failed"):
            assembly.scheme.restore(state["scheme"], candidates)
        assembly.scorer.restore(state)
