"""``neatfool export`` on real small runs: what it writes, checks, keeps and refuses."""

from __future__ import annotations

import csv
import hashlib
import json
import runpy
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import CLASSES, PAID, PLUGIN, neatfool, write_experiment
from damage import forge
from filelock import FileLock

from neatfool import decode_png, fool, open_run, open_scorer
from neatfool_plugins.export import images as export_images
from neatfool_plugins.export.folder import ExportFolder
from neatfool_plugins.export.images import deal, spread

pytestmark = pytest.mark.usefixtures("own_sys_path")


def go(folder, *options, out="run"):
    """Run the small experiment."""
    place = folder / out
    result = neatfool("run", write_experiment(folder), "--out", place, "--no-report", *options)
    assert result.exit_code == 0, result.output
    return place


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs in a folder, whose target lies beside that."""
    folder = tmp_path_factory.mktemp("all")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend("")
        for seed in (1, 2):
            go(folder, "--seed", seed, out=f"runs/{seed}")
    return folder / "runs"


def export(*args):
    result = neatfool("export", *args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def rows_of(folder):
    with (folder / "manifest.csv").open(newline="") as lines:
        return [*csv.DictReader(lines)]


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_elites_are_exported_with_a_manifest(runs, tmp_path):
    out = tmp_path / "out"
    told = export(runs / "1", out, "--least", 0)
    rows = rows_of(out)
    with closing(open_run(runs / "1")) as run:
        fingerprint = run.info["target"]["fingerprint"]
        assert len(rows) == len(run) == told["images"] == 4
        for row, elite in zip(rows, run, strict=True):
            image = (out / row["file"]).read_bytes()
            assert image == elite.png
            assert row["sha256"] == hashlib.sha256(image).hexdigest()
            assert (row["class"], row["index"]) == (elite.name, str(elite.index))
            assert (float(row["confidence"]), float(row["rank"])) == (elite.confidence, elite.rank)
            assert float(row["measured"]) == pytest.approx(elite.confidence, abs=1e-6)
            assert (row["generation"], row["genome"]) == (
                str(elite.generation),
                str(elite.candidate_id),
            )
            assert (row["width"], row["height"], row["seed"], row["elite"]) == ("8", "6", "1", "1")
            assert (row["fingerprint"], row["licence"]) == (fingerprint, "CC0-1.0")
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert [line["sha256"] for line in lines] == [row["sha256"] for row in rows]
    assert [*lines[0]] == [*rows[0]]


def test_benchmarks_find_lists_of_paths_and_labels(runs, tmp_path):
    out = tmp_path / "out"
    export(runs, out)
    lines = [line.split(" ") for line in (out / "imglist.txt").read_text().splitlines()]
    assert [(path, label) for path, label in lines] == [
        (row["file"], row["index"]) for row in rows_of(out)
    ]
    unknown = [line.split(" ") for line in (out / "imglist_ood.txt").read_text().splitlines()]
    assert unknown == [[path, "-1"] for path, _ in lines]
    assert all((out / path).is_file() for path, _ in lines)
    with (out / "classes.csv").open(newline="") as table:
        counts = {row["class"]: int(row["images"]) for row in csv.DictReader(table)}
    assert counts == dict.fromkeys(CLASSES, 2)


def test_no_table_has_a_formula_in_it(runs, tmp_path):
    shutil.copytree(runs / "1", tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute("UPDATE class SET name = '=1+' || name")
    export(tmp_path / "run", tmp_path / "out", "--least", 0, "--no-verify")
    for name in ("classes.csv", "manifest.csv"):
        with (tmp_path / "out" / name).open(newline="") as table:
            assert all(row["class"].startswith("'=1+") for row in csv.DictReader(table))


def test_the_checksums_are_of_all_files(runs, tmp_path):
    export(runs, tmp_path / "out")
    files = contents(tmp_path / "out")
    lines = [line.split("  ") for line in files.pop("SHA256SUMS").decode().splitlines()]
    assert {name: hash_ for hash_, name in lines} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }


def test_the_card_checks_the_images(runs, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    export(runs, out, "--per-class", 5)
    card = (out / "README.md").read_text()
    assert "| small-2 | 2 | patches | cppn | map_elites | 160 |" in card
    assert "| 3 | school bus | " in card
    assert "\n\n\n" not in card
    program = card.split("```python\n")[1].split("```")[0]
    (tmp_path / "check.py").write_text(program)
    monkeypatch.chdir(out)
    runpy.run_path(str(tmp_path / "check.py"))
    assert capsys.readouterr().out == ""
    row = rows_of(out)[0]
    changed = (out / "manifest.csv").read_text().replace(row["confidence"], "0.123")
    (out / "manifest.csv").write_text(changed)
    runpy.run_path(str(tmp_path / "check.py"))
    assert f"{row['file']} scores {row['measured'][:5]}" in capsys.readouterr().out


def test_the_card_checks_images_of_a_run_with_overrides(tmp_path, monkeypatch, capsys):
    run = go(tmp_path, "--set", "views.move=2", "--set", "views.number=2")
    export(run, tmp_path / "out", "--least", 0)
    card = (tmp_path / "out" / "README.md").read_text()
    (tmp_path / "check.py").write_text(card.split("```python\n")[1].split("```")[0])
    monkeypatch.chdir(tmp_path / "out")
    runpy.run_path(str(tmp_path / "check.py"))
    assert capsys.readouterr().out == ""


def test_the_same_runs_give_the_same_bytes_wherever_they_lie(runs, tmp_path):
    export(runs, tmp_path / "here", "--per-class", 5)
    for seed, other in ((1, "b"), (2, "a")):
        shutil.copytree(runs / str(seed), tmp_path / "elsewhere" / other)
    export(
        tmp_path / "elsewhere" / "b", tmp_path / "elsewhere", tmp_path / "there", "--per-class", 5
    )
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_former_elites_fill_the_classes(runs, tmp_path):
    """They are drawn again, scored again, and come from both runs alike."""
    out = tmp_path / "out"
    told = export(runs, out, "--least", 0.1, "--per-class", 3)
    rows = rows_of(out)
    assert (told["images"], told["elites"], told["left_out"]) == (12, 8, [])
    assert Counter(row["class"] for row in rows) == dict.fromkeys(CLASSES, 3)
    assert {*Counter((row["class"], row["run"]) for row in rows).values()} == {1, 2}
    assert told["distinct"] == len({row["file"] for row in rows}) == 12
    with closing(open_run(runs / "1")) as run, closing(open_scorer(run)) as scorer:
        for row in rows:
            image = torch.from_numpy(decode_png((out / row["file"]).read_bytes()).copy())
            found = scorer.score(image[None]).probs[0, int(row["index"])]
            assert found == pytest.approx(float(row["confidence"]), abs=1e-6)
            assert found >= 0.1


def test_all_that_held_a_niche_can_be_exported(runs, tmp_path):
    export(runs / "2", tmp_path / "out", "--least", 0.2, "--all-replaced")
    with closing(open_run(runs / "2")) as run:
        assert [
            (int(row["index"]), int(row["genome"]), float(row["confidence"]))
            for row in rows_of(tmp_path / "out")
        ] == run.holders(0.2)


def test_from_a_history_the_ends_and_what_lies_between_are_taken():
    line = list(range(10, 20))
    assert [spread(line, count) for count in (0, 1, 2, 4)] == [
        [], [19], [10, 19], [10, 13, 16, 19],
    ]  # fmt: skip
    assert spread(line, 10) == spread(line, 12) == line


def test_so_many_images_are_shared_out_among_the_classes(runs, tmp_path):
    told = export(runs, tmp_path / "out", "--least", 0.1, "--images", 10)
    rows = rows_of(tmp_path / "out")
    assert told["images"] == len({row["file"] for row in rows}) == 10
    assert sorted(Counter(row["class"] for row in rows).values()) == [2, 2, 3, 3]
    result = neatfool("export", runs, tmp_path / "all", "--least", 0.1, "--images", 99999, "--json")
    everything = json.loads(result.stdout)
    assert f"There are only {everything['images']} images with a" in result.stderr
    with closing(open_run(runs / "1")) as one, closing(open_run(runs / "2")) as other:
        assert everything["images"] == len(one.holders(0.1)) + len(other.holders(0.1))


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
    sure = exported("sure", "--least", confidences[4])
    assert sorted(float(row["confidence"]) for row in sure) == confidences[4:]


def test_unlike_ones_of_all_runs_and_their_histories_can_be_chosen(runs, tmp_path):
    options = ("--least", 0, "--all-replaced")
    export(runs, tmp_path / "all", *options)
    export(runs, tmp_path / "some", *options, "--distinct", 3)
    rows, some = rows_of(tmp_path / "all"), rows_of(tmp_path / "some")
    assert len(some) == 3 < len(rows)
    files = [row["file"] for row in rows]
    assert [files.index(row["file"]) for row in some] == sorted(
        files.index(row["file"]) for row in some
    )
    assert max(float(row["rank"]) for row in rows) in {float(row["rank"]) for row in some}


def test_images_can_be_drawn_larger(runs, tmp_path):
    out = tmp_path / "out"
    told = export(runs / "1", out, "--least", 0.3, "--size", 32, "--licence", "CC BY 4.0")
    rows = rows_of(out)
    assert len(rows) + len(told["left_out"]) == 4
    assert all(each["measured"] < 0.3 for each in told["left_out"])
    with closing(open_run(runs / "1")) as run, closing(open_scorer(run)) as scorer:
        for row in rows:
            pixels = decode_png((out / row["file"]).read_bytes())
            assert pixels.shape == (1, 24, 32)
            averaged = pixels.reshape(1, 6, 4, 8, 4).mean((2, 4)).round().astype(np.uint8)
            found = scorer.score(torch.from_numpy(averaged)[None]).probs[0, int(row["index"])]
            assert found == pytest.approx(float(row["measured"]), abs=0.01)
            assert float(row["measured"]) >= 0.3
            assert (row["width"], row["licence"]) == ("32", "CC BY 4.0")
    assert "CC BY 4.0" in (out / "README.md").read_text()


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
    assert all(abs(each["measured"] - each["confidence"]) > 1e-4 for each in told["left_out"])
    assert told["images"] == len(rows_of(tmp_path / "out")) == 4 - len(told["left_out"]) > 0
    shown = neatfool("export", run, tmp_path / "out", "--least", 0, "--overwrite")
    assert "left out, as they did not score what they should" in shown.stdout
    assert "│ school bus │ small-1 │" in shown.stdout
    everything = export(run, tmp_path / "unseen", "--least", 0, "--no-verify")
    assert (everything["images"], everything["verified"]) == (4, False)
    assert {row["measured"] for row in rows_of(tmp_path / "unseen")} == {""}


def test_nothing_is_written_if_nothing_agrees(runs, tmp_path):
    run = changed_copy(runs, tmp_path, "light = images", "light = 0.5 * images")
    result = neatfool("export", run, tmp_path / "out", "--least", 0)
    assert result.exit_code == 7
    assert "out: was not written: none of 4 images scores what its run recorded" in result.stderr
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.partial").exists()


def interrupt_after_a_batch(patch):
    note = ExportFolder.note

    def interrupt(place, made):
        note(place, made)
        raise KeyboardInterrupt

    patch.setattr(ExportFolder, "note", interrupt)


def test_what_did_not_agree_is_scored_again_when_an_export_goes_on(runs, tmp_path, monkeypatch):
    run = changed_copy(runs, tmp_path, "light = images", "light = 0.5 * images")
    with monkeypatch.context() as patch:
        interrupt_after_a_batch(patch)
        assert neatfool("export", run, tmp_path / "out", "--least", 0).exit_code == 130
    (tmp_path / "patches.py").write_text(PLUGIN)
    assert export(run, tmp_path / "out", "--least", 0)["images"] == 4


def test_an_interrupted_export_goes_on(runs, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole", tmp_path / "out"
    export(runs, whole, "--per-class", 6)
    images = len(rows_of(whole))
    write = ExportFolder.write
    monkeypatch.setattr(export_images, "AT_A_TIME", 1)
    with monkeypatch.context() as patch:
        interrupt_after_a_batch(patch)
        result = neatfool("export", runs, out, "--per-class", 6)
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr
    assert not out.exists()
    kept = sorted((tmp_path / ".out.partial" / "images").rglob("*.png"))
    assert 1 < len(kept) < images
    kept[0].write_bytes(b"torn")
    with (tmp_path / ".out.partial" / ".made.jsonl").open("a") as journal:
        journal.write('["cut sho')
    written = []

    def noted(place, file, data):
        written.append(file)
        return write(place, file, data)

    monkeypatch.setattr(ExportFolder, "write", noted)
    export(runs, out, "--per-class", 6)
    assert sum(file.endswith(".png") for file in written) == images - len(kept) + 1
    assert contents(out) == contents(whole)
    assert not (tmp_path / ".out.partial").exists()


def test_two_exports_to_one_folder_are_in_each_others_way(runs, tmp_path):
    (tmp_path / ".out.partial").mkdir()
    with FileLock(tmp_path / ".out.partial" / ".lock"):
        result = neatfool("export", runs, tmp_path / "out")
    assert result.exit_code == 6
    assert "out: another process is exporting there" in result.stderr
    assert export(runs, tmp_path / "out")["images"] == 8


def test_a_folder_that_cannot_be_written_is_told(runs, tmp_path):
    (tmp_path / "file").write_text("")
    result = neatfool("export", runs, tmp_path / "file" / "out")
    assert result.exit_code == 6
    assert "cannot be written: Not a directory" in result.stderr
    result = neatfool("export", runs, tmp_path / "file")
    assert (result.exit_code, "file: is a file; name a folder" in result.stderr) == (6, True)


def test_images_that_were_scored_in_views_are_scored_so_again(tmp_path):
    file = write_experiment(tmp_path)
    file.write_text(file.read_text() + "[views]\nnumber = 3\nmove = 2\nlight = 30\n")
    result = neatfool("run", file, "--out", tmp_path / "run", "--no-report", "--seed", 7)
    assert result.exit_code == 0, result.output
    told = export(tmp_path / "run", tmp_path / "out", "--least", 0, "--all-replaced")
    assert (told["left_out"], told["images"] > 4) == ([], True)
    assert "those of several views of each image" in (tmp_path / "out" / "README.md").read_text()


def test_an_earlier_export_is_replaced_only_if_that_is_asked_for(runs, tmp_path):
    out = tmp_path / "out"
    export(runs, out)
    before = contents(out)
    result = neatfool("export", runs / "1", out)
    assert result.exit_code == 6
    assert "holds an export already; name another folder, or replace it: --overwrite" in (
        result.stderr
    )
    assert contents(out) == before
    assert export(runs / "1", out, "--overwrite")["runs"] == ["small-1"]
    assert {row["run"] for row in rows_of(out)} == {"small-1"}
    assert len([*(out / "images").rglob("*.png")]) == len(rows_of(out))
    (out / "thesis.tex").write_text("mine")
    result = neatfool("export", runs, out, "--overwrite")
    assert result.exit_code == 6
    assert "holds 'thesis.tex', which no export wrote" in result.stderr
    assert (out / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--classes", "scool bus"], 2, "there is no class 'scool bus'; did you mean 'school bus'"),
        (["--least", "1"], 5, "has a confidence of 1 or more; the highest of all is 0.9"),
        (["--per-class", "2", "--all-replaced"], 2, "--all-replaced: give one of them"),
    ],
)
def test_what_is_wrong_is_told(runs, tmp_path, options, code, message):
    result = neatfool("export", runs, tmp_path / "out", *options)
    assert result.exit_code == code, result.output
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
    result = neatfool("export", *(runs / seed for seed in seeds), "--overwrite")
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_same_run_twice_is_refused(runs, tmp_path):
    shutil.copytree(runs / "1", tmp_path / "again")
    result = neatfool("export", runs / "1", tmp_path / "again", tmp_path / "out")
    assert result.exit_code == 2
    assert "is the same search as" in result.stderr


def test_runs_with_other_classes_are_refused(runs, tmp_path):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([1 - light, light], 1)

    fool(model, image=(1, 6, 8), classes=2, images=40, out=tmp_path / "p", progress=False)
    result = neatfool("export", runs / "1", tmp_path / "p", tmp_path / "out")
    assert result.exit_code == 2
    assert "has other classes than" in result.stderr
    alone = neatfool("export", tmp_path / "p", tmp_path / "out")
    assert alone.exit_code == 5
    assert "only Python has its target" in alone.stderr
    assert "leave the check out: --no-verify" in alone.stderr
    assert export(tmp_path / "p", tmp_path / "out", "--no-verify")["images"] == 2


def test_a_target_that_costs_something_is_asked_within_the_budget_only(tmp_path):
    file = write_experiment(tmp_path)
    (tmp_path / "patches.py").write_text(PLUGIN + PAID)
    file.write_text(file.read_text().replace("plugin = patches", "plugin = paid"))
    run, asked = tmp_path / "run", tmp_path / "asked"
    began = neatfool("run", file, "--out", run, "--no-report", "--set", "target.max_queries=200")
    assert began.exit_code in (0, 8), began.output
    asked.unlink()
    for options in ([], ["--max-queries", "3"]):
        result = neatfool("export", run, tmp_path / "out", "--least", 0, *options)
        assert result.exit_code == 8
        assert "this takes up to 4 queries of a target that costs something" in result.stderr
        assert not asked.exists()
    assert export(run, tmp_path / "out", "--least", 0, "--max-queries", 4)["images"] == 4
    assert len(asked.read_text()) <= 4


def test_what_survives_stands_in_the_manifest(runs, tmp_path):
    run = changed_copy(runs, tmp_path, "import time", "import time")
    kinds = ("--kinds", "jpeg=50,noise=20/60")
    assert neatfool("survive", run, *kinds, "--report").exit_code == 0
    export(run, tmp_path / "out", "--least", 0, "--all-replaced")
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    for line, row in zip(map(json.loads, lines), rows_of(tmp_path / "out"), strict=True):
        if not line["elite"]:
            assert line["survival"] is None
            assert row["survival"] == ""
            continue
        assert {*line["survival"]} == {"jpeg=50", "noise=20", "noise=60"}
        firsts = [each["first"] for each in line["survival"].values()]
        assert float(row["survival"]) == pytest.approx(np.mean(firsts), abs=1e-4)
    kept = (run / "survival.json").read_text()
    of_another = kept.replace('"own_target":true', '"own_target":false')
    assert of_another != kept
    for name, text in {"of another target": of_another, "of another program": "[]"}.items():
        (run / "survival.json").write_text(text)
        export(run, tmp_path / name, "--least", 0)
        assert {row["survival"] for row in rows_of(tmp_path / name)} == {""}


def test_the_help_has_examples():
    result = neatfool("export", "--help")
    assert result.exit_code == 0
    assert result.stdout.count("  neatfool export ") >= 4


def test_the_experiments_are_in_the_folder(runs, tmp_path):
    export(runs, tmp_path / "out")
    place = tmp_path / "out" / "experiments"
    assert sorted(path.name for path in place.iterdir()) == [
        "small-1.json", "small-2.json", "small.ini",
    ]  # fmt: skip
    assert place.joinpath("small.ini").read_text() == Path(runs.parent / "small.ini").read_text()
    assert json.loads(place.joinpath("small-2.json").read_text())["experiment"]["seed"] == 2
