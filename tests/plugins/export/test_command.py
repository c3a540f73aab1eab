"""``neatfool export`` on real small runs: what it writes, checks and refuses."""

import csv
import json
import runpy
import shutil
import sqlite3
from collections import Counter
from contextlib import closing

import numpy as np
import pytest
from commands import PLUGIN, neatfool, run_paid, run_small
from damage import forge

from neatfool import fool, open_run
from neatfool_plugins.export.images import deal, spread


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs in a folder, whose target lies beside that."""
    folder = tmp_path_factory.mktemp("all")
    for seed in (1, 2):
        run_small(folder, f"experiment.seed={seed}", out=f"runs/{seed}")
    return folder / "runs"


def export(*args):
    result = neatfool("export", *args, "--json", exit_code=0)
    return json.loads(result.stdout)


def rows_of(folder):
    with (folder / "metadata.csv").open(newline="") as lines:
        return [*csv.DictReader(lines)]


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_elites_are_exported_with_a_table(runs, tmp_path):
    out = tmp_path / "out"
    told = export(runs / "1", out, "--least", 0)
    rows = rows_of(out)
    with closing(open_run(runs / "1")) as run:
        assert len(rows) == len(run) == told["images"] == 4
        for row, elite in zip(rows, run, strict=True):
            assert (out / row["file_name"]).read_bytes() == elite.png
            assert (row["class"], row["index"]) == (elite.name, str(elite.index))
            assert (float(row["confidence"]), float(row["rank"])) == (elite.confidence, elite.rank)
            assert float(row["measured"]) == pytest.approx(elite.confidence, abs=1e-6)
            assert (int(row["generation"]), int(row["genome"])) == (
                elite.generation,
                elite.candidate_id,
            )
            assert (row["seed"], row["elite"], row["run"]) == ("1", "1", "small-1")
    listed = [line.split(" ") for line in (out / "imglist.txt").read_text().splitlines()]
    assert listed == [[row["file_name"], "-1"] for row in rows]
    experiment = json.loads((out / "experiments" / "small-1.json").read_text())
    assert experiment["experiment"]["seed"] == 1


def test_no_table_has_a_formula_in_it(runs, tmp_path):
    shutil.copytree(runs / "1", tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute("UPDATE class SET name = '=1+' || name")
    export(tmp_path / "run", tmp_path / "out", "--least", 0, "--no-verify")
    assert all(row["class"].startswith("'=1+") for row in rows_of(tmp_path / "out"))


@pytest.mark.parametrize("settings", [(), ("views.move=2", "views.number=2")])
def test_the_card_checks_the_images(tmp_path, monkeypatch, capsys, settings):
    """Images that were scored in views are scored so again, by the export and by its card."""
    out = tmp_path / "out"
    told = export(run_small(tmp_path, *settings), out, "--least", 0, "--images", 20)
    assert (told["left_out"], told["images"] > 4) == ([], True)
    card = (out / "README.md").read_text()
    assert "| small-3 | patches | cppn | map_elites |" in card
    assert "\n\n\n" not in card
    (tmp_path / "check.py").write_text(card.split("```python\n")[1].split("```")[0])
    monkeypatch.chdir(out)
    runpy.run_path(str(tmp_path / "check.py"))
    assert capsys.readouterr().out == ""
    row = rows_of(out)[0]
    changed = (out / "metadata.csv").read_text().replace(row["confidence"], "0.123")
    (out / "metadata.csv").write_text(changed)
    runpy.run_path(str(tmp_path / "check.py"))
    assert f"{row['file_name']} scores {row['measured'][:5]}" in capsys.readouterr().out


def test_the_same_runs_give_the_same_bytes_wherever_they_lie(runs, tmp_path):
    export(runs, tmp_path / "here", "--images", 20)
    for seed, other in ((1, "b"), (2, "a")):
        shutil.copytree(runs / str(seed), tmp_path / "elsewhere" / other)
    export(tmp_path / "elsewhere", tmp_path / "there", "--images", 20)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_former_elites_fill_the_classes(runs, tmp_path):
    """They are drawn again, scored again, and come from all classes and both runs alike."""
    told = export(runs, tmp_path / "out", "--least", 0.1, "--images", 10)
    rows = rows_of(tmp_path / "out")
    assert (told["elites"], told["left_out"]) == (8, [])
    assert told["images"] == len({row["file_name"] for row in rows}) == 10
    assert sorted(Counter(row["class"] for row in rows).values()) == [2, 2, 3, 3]
    assert all(float(row["confidence"]) >= 0.1 for row in rows)
    result = neatfool("export", runs, tmp_path / "all", "--least", 0.1, "--images", 99999, "--json")
    everything = json.loads(result.stdout)
    assert f"There are only {everything['images']} images with such a confidence" in result.stderr
    with closing(open_run(runs / "1")) as one, closing(open_run(runs / "2")) as other:
        assert everything["images"] == len(one.holders(0.1)) + len(other.holders(0.1))


def test_from_a_history_the_ends_and_what_lies_between_are_taken():
    line = list(range(10, 20))
    assert [spread(line, count) for count in (0, 1, 2, 4)] == [
        [], [19], [10, 19], [10, 13, 16, 19],
    ]  # fmt: skip
    assert spread(line, 10) == spread(line, 12) == line


def test_what_is_dealt_out_fills_the_room_there_is():
    assert deal(7, [1, 5, 0, 3]) == [1, 3, 0, 3]
    assert deal(2, [4, 4, 4], first=2) == [1, 0, 1]
    assert deal(99, [1, 2]) == [1, 2]
    assert deal(0, [1, 2]) == [0, 0]


def test_some_can_be_chosen(runs, tmp_path):
    def exported(name, *options):
        export(runs, tmp_path / name, *options)
        return rows_of(tmp_path / name)

    some = exported("some", "--classes", "school bus, 0")
    assert {row["class"] for row in some} == {"school bus", "dark"}
    confidences = sorted(float(row["confidence"]) for row in exported("all", "--least", 0))
    sure = exported("sure", "--least", confidences[4], "--licence", "CC BY 4.0")
    assert sorted(float(row["confidence"]) for row in sure) == confidences[4:]
    assert "CC BY 4.0" in (tmp_path / "sure" / "README.md").read_text()


def changed_copy(runs, folder, old, new):
    """Copy a run, and change its target since; give the copy."""
    shutil.copytree(runs / "1", folder / "run")
    assert old in PLUGIN
    (folder / "patches.py").write_text(PLUGIN.replace(old, new))
    where, now = (json.dumps(str(each / "patches.py")) for each in (runs.parent, folder))
    forge(folder / "run", f"UPDATE info SET value = replace(value, '{where}', '{now}')", own=True)
    return folder / "run"


def test_what_does_not_score_as_recorded_is_left_out_and_told(runs, tmp_path):
    old = "logits = self.gain"
    new = "stripes = np.where(stripes > 0.05, stripes / 2, stripes)\n        " + old
    run = changed_copy(runs, tmp_path, old, new)
    told = export(run, tmp_path / "out", "--least", 0)
    assert "school bus" in {each["name"] for each in told["left_out"]}
    assert all(abs(each["measured"] - each["score"]) > 1e-4 for each in told["left_out"])
    files = {path.name for path in (tmp_path / "out").rglob("*.png")}
    assert told["images"] == len(rows_of(tmp_path / "out")) == len(files)
    assert told["images"] == 4 - len(told["left_out"]) > 0
    shown = neatfool("export", run, tmp_path / "out", "--least", 0, "--overwrite")
    assert "left out, as they did not score what they should" in shown.stdout
    assert "│ school bus │ small-1 │" in shown.stdout
    everything = export(run, tmp_path / "unseen", "--least", 0, "--no-verify")
    assert (everything["images"], everything["verified"]) == (4, False)
    assert {row["measured"] for row in rows_of(tmp_path / "unseen")} == {""}


def test_nothing_is_written_if_nothing_agrees(runs, tmp_path):
    run = changed_copy(runs, tmp_path, "light = images", "light = 0.5 * images")
    before = sorted(tmp_path.iterdir())
    result = neatfool("export", run, tmp_path / "out", "--least", 0, exit_code=7)
    assert "out: was not written: none of 4 images scores what its run recorded" in result.stderr
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "__pycache__"] == before


def test_a_folder_that_cannot_be_written_is_told(runs, tmp_path):
    (tmp_path / "file").write_text("")
    result = neatfool("export", runs, tmp_path / "file" / "out", exit_code=6)
    assert "cannot be written: Not a directory" in result.stderr
    result = neatfool("export", runs, tmp_path / "file")
    assert (result.exit_code, "file: is a file; name a folder" in result.stderr) == (6, True)


def test_an_earlier_export_is_replaced_only_if_that_is_asked_for(runs, tmp_path):
    out = tmp_path / "out"
    export(runs, out)
    before = contents(out)
    result = neatfool("export", runs / "1", out, exit_code=6)
    assert "holds an export already; name another folder, or replace it: --overwrite" in (
        result.stderr
    )
    assert contents(out) == before
    assert export(runs / "1", out, "--overwrite")["runs"] == ["small-1"]
    assert {row["run"] for row in rows_of(out)} == {"small-1"}
    assert len([*(out / "images").rglob("*.png")]) == len(rows_of(out))
    (out / "thesis.tex").write_text("mine")
    result = neatfool("export", runs, out, "--overwrite", exit_code=6)
    assert "holds 'thesis.tex', which no export wrote" in result.stderr
    assert (out / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--classes", "scool bus"], 2, "there is no class 'scool bus'; did you mean 'school bus'"),
        (["--least", "1"], 5, "has a confidence of 1 or more; give a lower --least"),
    ],
)
def test_what_is_wrong_is_told(runs, tmp_path, options, code, message):
    result = neatfool("export", runs, tmp_path / "out", *options, exit_code=code)
    assert message in result.stderr
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ("1", "Missing argument 'RUN|FOLDER...'"),
        ("12", "holds a run; name the folder to write after the runs"),
    ],
)
def test_a_forgotten_folder_does_not_cost_a_run(runs, seeds, said):
    result = neatfool("export", *(runs / seed for seed in seeds), "--overwrite", exit_code=2)
    assert said in result.stderr


def test_the_same_run_twice_is_refused(runs, tmp_path):
    shutil.copytree(runs / "1", tmp_path / "again")
    result = neatfool("export", runs / "1", tmp_path / "again", tmp_path / "out", exit_code=2)
    assert "has the name and the seed of" in result.stderr


def test_runs_with_other_classes_are_refused(runs, tmp_path):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([1 - light, light], 1)

    fool(model, image=(1, 6, 8), classes=2, images=40, out=tmp_path / "p", progress=False)
    result = neatfool("export", runs / "1", tmp_path / "p", tmp_path / "out", exit_code=2)
    assert "has other classes than" in result.stderr
    alone = neatfool("export", tmp_path / "p", tmp_path / "out", exit_code=5)
    assert "only Python has its target" in alone.stderr
    assert "leave the check out: --no-verify" in alone.stderr
    assert export(tmp_path / "p", tmp_path / "out", "--no-verify")["images"] == 2


def test_a_target_that_costs_something_is_asked_within_the_budget_only(tmp_path):
    run, asked = run_paid(tmp_path), tmp_path / "asked"
    asked.unlink()
    for options in ([], ["--max-queries", "3"]):
        result = neatfool("export", run, tmp_path / "out", "--least", 0, *options, exit_code=8)
        assert "this takes up to 4 queries of a target that costs something" in result.stderr
        assert not asked.exists()
    assert export(run, tmp_path / "out", "--least", 0, "--max-queries", 4)["images"] == 4
    assert len(asked.read_text()) <= 4


def test_what_survives_stands_in_the_table(runs, tmp_path):
    run = changed_copy(runs, tmp_path, "import time", "import time")
    assert neatfool("survive", run, "--kinds", "jpeg=50,noise=20/60", "--report").exit_code == 0
    kept = json.loads((run / "survival.json").read_text())
    export(run, tmp_path / "out", "--least", 0, "--images", 20)
    for row in rows_of(tmp_path / "out"):
        firsts = [first for _, first in kept["images"][row["class"]]["changes"].values()]
        expected = pytest.approx(np.mean(firsts), abs=1e-4) if row["elite"] == "1" else ""
        assert (float(row["survival"]) if row["survival"] else "") == expected
    of_another = json.dumps(kept | {"own_target": False})
    for name, text in {"of another target": of_another, "of another program": "[]"}.items():
        (run / "survival.json").write_text(text)
        export(run, tmp_path / name, "--least", 0)
        assert {row["survival"] for row in rows_of(tmp_path / name)} == {""}
