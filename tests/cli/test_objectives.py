"""Every command works with runs of an objective, or says in a line why not."""

import json
import re
import shutil

import pytest
from commands import neatfool
from objectives import run_objective

import neatfool as library
from neatfool.cli import main

WORKING = {
    "show": ("show", "{run}"),
    "show --json": ("show", "{run}", "--json"),
    "runs": ("runs", "{folder}"),
    "runs --json": ("runs", "{folder}", "--json"),
    "verify": ("verify", "{run}"),
    "verify --json": ("verify", "{run}", "--json"),
    "render": ("render", "{run}", "1", "-o", "{folder}/picture.png"),
    "graph": ("graph", "{run}", "1", "-o", "{folder}/graph.svg"),
    "ancestry": ("ancestry", "{run}"),
    "ancestry --json": ("ancestry", "{run}", "--json"),
    "compare": ("compare", "{run}", "{other}", "--html", "{folder}/compared.html"),
    "compare --json": ("compare", "{run}", "{other}", "--json"),
    "compare --csv": ("compare", "{run}", "--csv", "{folder}/course.csv"),
    "export": ("export", "{run}", "{folder}/exported"),
    "export --json": ("export", "{run}", "{folder}/exported-again", "--json"),
    "gallery": ("gallery", "{run}", "-o", "{folder}/gallery"),
    "report": ("report", "{run}"),
    "resume": ("resume", "{run}"),
}
REFUSING = {
    "ablate": ("ablate", "{run}"),
    "audit": ("audit", "{run}.ini"),
    "threshold": ("threshold", "{run}.ini"),
    "detect": ("detect", "{run}"),
    "quiz": ("quiz", "{run}"),
    "serve": ("serve", "{run}.ini"),
    "survive": ("survive", "{run}"),
    "transfer": ("transfer", "{run}", "--to", "mnist.ini"),
}
ELSEWHERE = {
    *("demo", "experiments", "mnist", "plugins", "run", "validate"),  # read no run
    "breed",  # its own runs are such; see tests/plugins/breed
    *("retrain", "recognise"),  # take networks of the target mnist, and answers of a quiz
    "watch",  # see tests/plugins/watch/test_objectives.py
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objectives")
    seeds = [(), ("--seed", 2)]
    return {
        name: tuple(run_objective(folder, name, *seed) for seed in seeds)  # type: ignore[misc]
        for name in ("calm", "stripes")
    }


@pytest.fixture(params=["calm", "stripes"])
def places(request, runs, tmp_path):
    run, other = (shutil.copytree(each, tmp_path / each.name) for each in runs[request.param])
    for name in ("objectives.py", f"{request.param}.ini"):
        shutil.copy(runs[request.param][0].with_name(name), tmp_path)
    return {"run": run, "other": other, "folder": tmp_path}


def call(command, places):
    result = neatfool(*(word.format(**places) for word in command))
    assert "Traceback" not in result.output
    assert "bug in neatfool" not in result.output
    return result.exit_code, result.output


def test_every_command_is_tried():
    named = {command.split()[0] for command in (*WORKING, *REFUSING)}
    assert named | ELSEWHERE == {*main.list_commands(None)}


@pytest.mark.parametrize("command", WORKING)
def test_a_command_works(command, places):
    code, output = call(WORKING[command], places)
    assert code == 0, output
    assert "onfidence" not in output
    assert "log-odds" not in output
    # Shares of elites have per cent; scores have none.
    told = re.sub(r"\d+ % of them share|; \d+ % have a look-alike|95 %", "", output)
    assert " %" not in told


@pytest.mark.parametrize("command", REFUSING)
def test_a_command_refuses_in_a_line(command, places):
    code, output = call(REFUSING[command], places)
    assert code == 2
    (line,) = output.strip().splitlines()
    assert places["run"].name in line
    assert "is an objective, whose scores are no confidences" in line
    assert f"neatfool {command} needs a classifier" in line


def test_the_files_of_an_export_have_scores(places):
    call(WORKING["export"], places)
    exported = places["folder"] / "exported"
    heads, *rows = (exported / "metadata.csv").read_text().splitlines()
    assert "score" in heads.split(",")
    assert len(rows) == len(library.open_run(places["run"]))
    assert "onfidence" not in heads + (exported / "README.md").read_text()
    assert "classifier" not in (exported / "README.md").read_text()


def test_elites_are_chosen_by_their_scores(places):
    run = library.open_run(places["run"])
    least = run.ranks[0]
    chosen = library.choose_elites(run, least=least)
    assert [elite.name for elite in chosen] == [e.name for e in run if e.score >= least]
    assert len(library.choose_elites(run)) == len(run)
    code, output = call(("gallery", "{run}", "--least", str(least)), places)
    assert f"{len(chosen):,} of {len(run):,} elites" in output
    assert code == 0


def test_classifiers_and_objectives_are_not_compared(places, tmp_path):
    from commands import run_small

    classifier = run_small(tmp_path)
    code, output = call(("compare", "{run}", str(classifier)), places)
    assert code == 2
    assert "do not compare" in output


def test_a_summary_has_scores(places):
    _, output = call(WORKING["show --json"], places)
    facts = json.loads(output)
    assert facts["filled"] == len(facts["classes"])
    assert all("score" in elite for elite in facts["classes"])
