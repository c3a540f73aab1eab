"""Resuming a run: what must be as it was, and what is restored."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from neatfool.errors import ExperimentError, RunError, blaming
from neatfool.evolution.assembly import Assembly
from neatfool.evolution.session import Session, keep_text
from neatfool.experiment.experiment import differences
from neatfool.experiment.framework import GeneralSettings
from neatfool.files import Json, lock_folder
from neatfool.run.folder import DATABASE, name_of_part, parts_from_python, require_run
from neatfool.run.individual import load_genome
from neatfool.run.store import RunStore
from neatfool.scoring.plan import ScoringPlan
from neatfool.spec.archive import Candidate, Elite
from neatfool.spec.image_spec import ImageSpec
from neatfool.wording import counted, listed


def resume(assemble: Callable[[dict[str, Json], ScoringPlan], Assembly], folder: Path) -> Session:
    """Resume a run, which is this user's own from then on; ``assemble`` makes it by its record."""
    require_run(folder)
    with ExitStack() as undo:
        undo.enter_context(lock_folder(folder))
        store = RunStore.open(folder / DATABASE, write=True)
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
        return Session(folder, assembly, store, undo.pop_all())


def _check_same(folder: Path, info: dict[str, Json], assembly: Assembly, store: RunStore) -> None:
    identity, scorer = assembly.experiment.identity(), assembly.scorer
    fault, now = "", parts_from_python(identity)
    if lost := [kind for kind in parts_from_python(info["experiment"]) if kind not in now]:
        named = [f"{kind}={name_of_part(info['experiment'], kind)}" for kind in lost]
        raise RunError(f"{folder}: its {listed(lost)} came from Python; give {', '.join(named)}")
    if not agrees(info["identity"], identity):
        changes = tell_differences(identity, info["identity"])
        fault = f"the experiment is not the one that the run started with ({changes})"
    elif scorer.fingerprint != info["target"]["fingerprint"]:
        fault = f"the {scorer.name} is not the run's (its weights or code changed)"
    elif changed := _changes_of_spec(info["spec"], store.classes(), assembly.spec):
        fault = f"its target had other images or classes ({changed})"
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


def _changes_of_spec(recorded: dict[str, Json], classes: list[str], spec: ImageSpec) -> str:
    """Name what a target's spec has otherwise than the run's record; empty if nothing."""
    now = json.loads(json.dumps(asdict(spec)))
    own = now.pop("classes")
    changed = [name for name, value in now.items() if value != recorded.get(name)]
    # Further classes may have turned up.
    if classes[: len(own)] != own or (len(classes) > len(own) and not spec.open):
        changed.append("classes")
    return ", ".join(changed)


def _restore(assembly: Assembly, store: RunStore) -> None:
    archive, loads = assembly.scheme.archive, assembly.encoding.loads
    assembly.scorer.batches.with_classes(store.classes())
    archive.grow(len(assembly.scorer.spec.classes))
    elites, candidates = store.elites(), {}
    for id_ in sorted({elite.candidate for elite in elites} | set(store.members())):
        stored = store.candidate(id_)
        genome = load_genome(store, loads, stored)
        candidates[id_] = Candidate(id_, genome, stored.parents, stored.generation)
    for each in elites:
        holder = candidates[each.candidate]
        archive.place(Elite(each.class_index, holder, each.score, each.rank))
    if (state := store.state()) is not None:
        with blaming(f"{assembly.experiment.scheme.label}: restore() failed"):
            assembly.scheme.restore(state["scheme"], candidates)
        assembly.scorer.restore(state)


def tell_differences(now: Json, recorded: Json) -> str:
    """Write the first three differences of an experiment from what a run recorded."""
    found = differences(now, recorded)
    changes = [f"{name} = {there} there and {here} here" for name, here, there in found]
    return ", ".join(changes if len(changes) <= 3 else [*changes[:3], "…"])


def agrees(recorded: Json, now: Json) -> bool:
    """Say whether an experiment has what a run recorded; a later version has more options."""
    return recorded.keys() == now.keys() and all(
        now[name] | section == now[name] for name, section in recorded.items()
    )
