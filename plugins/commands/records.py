"""The commands ``neatfool runs``, ``show`` and ``verify``: what runs have on record."""

from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Any, Final

import click

from neatfool import PluginError, RunError, VerificationError, present
from neatfool.present import FiniteRange, make_command, trust_option
from neatfool.wording import counted, spending

ROWS: Final = 40
"""How many classes are shown unless all are asked for: a screenful."""


@make_command
def runs(
    folder: Annotated[Path, "[FOLDER]"] = Path("runs"),
    *,
    as_json: Annotated[bool, "--json"] = False,
) -> None:
    """List the runs in a folder, and how far each has come.

    FOLDER is `runs` if left out. Runs are found in it and in the folders in it.

    Args:
        folder: The folder.
        as_json: Print JSON.

    Examples:
        neatfool runs
        neatfool runs elsewhere --json | jq '.[] | select(.state != "finished") | .path'
    """
    from neatfool import find_runs

    folders = {*find_runs(folder)}
    if folder not in folders:
        for inner in folder.iterdir():
            with suppress(RunError):
                # What lies deeper is somebody else's: test data, or a copy of a project.
                folders.update(run for run in find_runs(inner) if inner in {run, run.parent})
    described = [_describe(path) for path in sorted(folders)]
    if as_json:
        present.Output().print_json(data=[facts for facts, _ in described], ensure_ascii=True)
        return
    rows = []
    for run, scores in described:
        place = Path(run["path"])
        name = str(place.relative_to(folder) if place != folder else place)
        if "error" in run:
            rows.append([name, "", "", run["state"], *[""] * 3])
            continue
        numbers = f"{run['evaluations']:,}", str(run["generation"] + 1), str(run["seed"])
        rows.append([name, *scores, run["state"], *numbers])
    output = present.Output()
    output.table(["run", "median", "lowest", "state", "images", "generations", "seed"], rows)
    for error in (run["error"] for run, _ in described if "error" in run):
        output.say(error)


def _describe(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Say how far a run has come; of one that cannot be read, why. Add its scores in words."""
    from neatfool import open_run

    try:
        with closing(open_run(path)) as run:
            last = run.history[-1] if run.generation >= 0 else None
            names = ("name", "seed", "generation", "evaluations")
            facts = {"path": str(path)} | {name: getattr(run, name) for name in names}
            facts |= {name: getattr(last, name, 0.0) for name in ("median", "minimum")}
            facts["state"] = "finished" if run.finished else "unfinished"
            pairs = zip((facts["median"], facts["minimum"]), run.ranks, strict=True)
            return facts, [run.spec.format_score(score, rank) for score, rank in pairs]
    except (PluginError, RunError) as error:
        return {"path": str(path), "state": "unreadable", "error": str(error)}, []


@make_command
def show(
    run_folder: Path,
    *,
    as_json: Annotated[bool, "--json"] = False,
    every: Annotated[bool, "--all"] = False,
) -> None:
    """Show how far a run has come, also while it goes on.

    You see the confidence over the classes, how many images are top-1 (their class is the
    likeliest), and a table of the elites; of an objective, their scores.

    Args:
        run_folder: The run.
        as_json: Print JSON.
        every: Show all classes, not the first 40.

    Examples:
        neatfool show runs/mnist-1
        neatfool show runs/mnist-1 --json | jq .median
    """
    from neatfool import open_run

    run = click.get_current_context().with_resource(closing(open_run(run_folder)))
    summary = run.summary()
    if as_json:
        present.Output().print_json(data=summary, ensure_ascii=True)
        return
    console, elites = present.Output(), run.elites
    if not elites:
        console.say(f"{run.name}, seed {run.seed}: nothing is recorded yet")
        return
    console.say(
        f"{run.name}, seed {run.seed}: {counted(run.generation + 1, 'generation', 'generations')}, "
        f"{counted(run.evaluations, 'image', 'images')}, "
        f"{summary['evaluations_per_s']:,.0f} a second"
    )
    written, (middle, lowest), is_objective = (
        run.spec.format_score,
        run.ranks,
        run.spec.is_objective,
    )
    end = f"niches filled: {summary['filled']:,} of {summary['niches']:,}"
    if not is_objective:
        end = f"classes >= 99 %: {summary['classes_ge_0.99']}"
        end += f", >= 99.99 %: {summary['classes_ge_0.9999']}"
    best = f"best {written(run.best().score)}, " if is_objective else ""
    console.say(
        f"{run.spec.score_name}: {best}median {written(summary['median'], middle)}, mean "
        f"{written(summary['mean'])}, min {written(summary['min'], lowest)}; {end}"
    )
    tops = [] if is_objective else [elite.top1 for elite in elites]
    if known := [first for first in tops if first is not None]:
        console.say(f"most likely class (top-1): {sum(known):,} of {len(known):,} images")
    if nothing := run.spec.nothing:
        console.say(f"rejected: {summary['rejected']:,} of {len(elites):,} ({', '.join(nothing)})")
    if above := run.above_threshold:
        console.say("at or above their threshold: {:,} of {:,} classes".format(*above))
    if requests := run.requests:
        console.say(spending(requests))
    heads = ["niche", "score"] if is_objective else ["class", "confidence", "log-odds"]
    heads += ["bred in", "nodes", "connections", "image"]
    rows = []
    for elite in elites if every else elites[:ROWS]:
        score, odds = [written(elite.score)], elite.rank != elite.score
        if not is_objective:
            score.append(f"{elite.rank:.1f}" if odds else "-")
        numbers = elite.generation, elite.size.nodes, elite.size.connections
        file = str(elite.file.relative_to(run.path))
        rows.append([elite.name, *score, *map(str, numbers), file])
    console.table(heads, rows)
    if len(elites) > ROWS and not every:
        console.say(f"… and {len(elites) - ROWS} more; --all shows them")


@trust_option
@make_command
def verify(
    run_folder: Path,
    *,
    as_json: Annotated[bool, "--json"] = False,
    tolerance: Annotated[float, "P", FiniteRange(min=0)] = 1e-4,
    max_queries: Annotated[int | None, "N"] = None,
    target: Path | None = None,
) -> None:
    """Score a run's saved images again, and compare the scores.

    The exit code is 7 if an image is missing or does not score what was recorded. Before that, the
    whole database is read; the exit code is 5 if it is damaged, or if another process runs RUN.

    If asking the target costs something, each image is a query of the run's budget.

    Args:
        run_folder: The run.
        as_json: Print JSON.
        tolerance: How much a score may differ from the recorded one; another processor or library
            may round differently.
        max_queries: A new budget, which RUN keeps: how many images may be sent in all to a target
            that costs something.
        target: Score with the target of this experiment file, in place of the one that RUN names.

    Examples:
        neatfool verify runs/mnist-1
        neatfool verify runs/mnist-1 --json
        neatfool verify from-a-friend --target my_target.ini
    """
    from neatfool import make_target, open_run, require_trust

    run = click.get_current_context().with_resource(closing(open_run(run_folder)))
    if target is None:
        require_trust(run)
    scoring = make_target(target) if target else None
    with present.Output(stderr=True).status("scoring the images again"):
        verdict = run.verify(scoring, tolerance=tolerance, max_queries=max_queries)
    if as_json:
        present.Output().print_json(data=verdict.summary(), ensure_ascii=True)
    else:
        console, written = present.Output(), run.spec.format_score
        console.say(str(verdict))
        rows = [
            [each.name, written(each.recorded), written(each.measured), f"{each.difference:.1e}"]
            for each in (verdict.wrong or verdict.results)[:ROWS]
        ]
        console.table([run.spec.niche_name, "recorded", "measured now", "difference"], rows)
    if verdict.wrong:
        raise VerificationError(
            f"{run_folder}: {len(verdict.wrong)} of {len(verdict.results)} images do not score "
            f"what was recorded (tolerance {verdict.tolerance:g}); the files or the target have "
            "changed"
        )
