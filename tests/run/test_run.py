import itertools
import sqlite3
import statistics
import sys
from contextlib import closing

import numpy as np
import pytest
from made_up_runs import write_run
from paid import PaidToy, TopTwo, paid_assembly
from searches import Silence, run_whole, toy_assembly

from neatfool import (
    BudgetSpent,
    ExperimentError,
    ImageSpec,
    RunError,
    Scores,
    find_runs,
    fool,
    open_run,
)
from neatfool.evolution.open_run import OpenRun
from neatfool.evolution.resuming import resume
from neatfool.evolution.session import start
from neatfool.run.folder import DATABASE
from neatfool.run.images import decode_png
from neatfool.testing import ToyTarget


@pytest.fixture
def run(tmp_path):
    with closing(run_whole(toy_assembly(), tmp_path / "run")) as run:
        yield run


def test_it_tells_what_the_run_was(run):
    assert (run.name, run.seed, run.generation, run.evaluations) == ("toy", 1, 5, 120)
    assert run.classes == ("a", "b", "c", "d", "e")
    assert run.spec == ToyTarget().spec
    assert [report.generation for report in run.history] == list(range(6))
    assert run.info["versions"]["neatfool"]


def test_it_is_finished_at_its_length_and_not_before(tmp_path):
    course = [[(0, 0.3)], [(1, 0.4)]]
    whole, part = (write_run(tmp_path / str(length), course, length=length) for length in (2, 3))
    assert open_run(whole).finished
    assert not open_run(part).finished


def test_each_niche_that_changed_hands_is_told(tmp_path):
    run = open_run(write_run(tmp_path / "run", [[(0, 0.25)], [(1, 0.5), (0, 0.75)]]))
    told = [each[:3] for each in run.replacements]
    assert told == [(0, 0, 0.25), (1, 1, 0.5), (1, 0, 0.75)]


def test_all_that_ever_held_a_niche_are_told_class_by_class(run):
    held = run.holders()
    in_order = [(index, confidence) for _, index, confidence, _ in run.replacements]
    told = [(index, confidence) for index, _, confidence in held]
    assert told == sorted(in_order, key=lambda each: each[0])
    last = {index: candidate for index, candidate, _ in held}
    assert last == {elite.index: elite.candidate_id for elite in run}
    assert len(held) > len(run)
    middle = statistics.median(confidence for _, confidence in told)
    assert run.holders(middle) == [each for each in held if each[2] >= middle]


def test_the_image_of_a_former_elite_scores_what_was_recorded(run):
    elites = {(elite.index, elite.candidate_id) for elite in run}
    former = [each for each in run.holders() if each[:2] not in elites]
    assert former
    for index, candidate, confidence in former:
        held = run.holder(index, candidate)
        assert (held.index, held.confidence) == (index, confidence)
        probs = ToyTarget().score(decode_png(held.png)[None]).probs
        assert probs[0, index] == pytest.approx(confidence)
    with pytest.raises(RunError, match="candidate 123456 never held class 0"):
        run.holder(0, 123456)


def test_runs_are_found_in_a_folder_and_in_the_folders_in_it(tmp_path):
    one, other = (write_run(tmp_path / "all" / "a" / name, [[(0, 0.3)]]) for name in "12")
    assert find_runs(one) == find_runs(str(one)) == [one]
    assert find_runs(one.parent) == find_runs(tmp_path / "all") == [one, other]
    with pytest.raises(RunError, match="there is no run in it; give the folder of a run"):
        find_runs(tmp_path)


def test_an_elite_is_found_by_name_and_by_index(run):
    assert run["b"].candidate_id == run[1].candidate_id == run.elites[1].candidate_id
    assert [elite.name for elite in run] == list("abcde")


def test_an_elites_image_scores_its_confidence(run):
    for elite in run:
        pixels = np.asarray(elite.image())[None, None]
        assert ToyTarget().score(pixels).probs[0, elite.index] == elite.confidence
        assert (decode_png(elite.png) == pixels[0]).all()


def test_an_elite_tells_the_classes_that_its_image_scores_highest_in(run):
    for elite in run:
        (probabilities,) = ToyTarget().score(elite.saved_pixels()[None]).probs
        best = np.argsort(-np.asarray(probabilities), kind="stable")
        assert [name for name, _ in elite.top] == [run.classes[number] for number in best]
        given = [confidence for _, confidence in elite.top]
        assert given == pytest.approx(probabilities[best], rel=1e-3)


def test_an_elite_renders_at_any_size(run):
    assert run["a"].image(20).size == (20, 20)
    assert run["a"].image((8, 12)).size == (12, 8)
    part = run["a"].pixels(20, box=(5, 0, 10, 20))
    assert (part == run["a"].pixels(20)[:, :, 5:10]).all()


def test_a_line_of_ancestors_ends_in_generation_0(run):
    for elite in run:
        line = run.lineage(elite.name)
        assert line[0].candidate_id == elite.candidate_id
        assert line[-1].generation == 0
        generations = [ancestor.generation for ancestor in line]
        assert generations == sorted(generations, reverse=True)
        assert line[0].name in run.classes
        assert all(
            later.parents[0] == earlier.candidate_id for later, earlier in itertools.pairwise(line)
        )


def test_an_ancestor_that_was_no_elite_says_so(run, monkeypatch):
    monkeypatch.setattr(run.store, "won", lambda candidate: [])
    assert repr(run.lineage("b")[-1]) == "<ancestor of generation 0: never an elite>"


def test_the_best_of_many_certainties_has_the_highest_rank(tmp_path):
    def certain(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([100 + light, 200 * light, 0 * light], 1)

    how = {"image": (1, 6, 6), "images": 100, "outputs": "logits", "progress": False}
    run = fool(certain, classes=["a", "b", "c"], out=tmp_path / "run", **how)
    assert run["a"].confidence == run["b"].confidence == 1
    assert run.best().name == max(run, key=lambda elite: elite.rank).name == "a"
    assert run.best().caption.startswith("a > 99.99 % (log-odds ")


def test_a_run_is_closed_at_the_end_of_its_block(tmp_path):
    path = write_run(tmp_path / "run", [[(0, 0.5)]])
    with open_run(path) as run:
        store = run.store  # is closed with the run, which may be used again
        assert len(run) == 1
    with pytest.raises(RunError, match="closed"):
        store.classes()
    assert len(run) == 1


def test_the_history_is_a_data_frame(run):
    pytest.importorskip("pandas")
    frame = run.frame()
    assert list(frame["generation"]) == list(range(6))
    assert list(frame["median"]) == [report.median for report in run.history]
    assert list(frame["classes_ge_0.99"]) == [report.classes_ge[2] for report in run.history]
    assert list(frame["elapsed"]) == [report.stages.elapsed for report in run.history]
    assert all(kind.kind in "if" for kind in frame.dtypes)


def test_without_pandas_it_is_said_what_a_frame_needs(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ExperimentError, match="pip install pandas"):
        run.frame()


def test_certainties_are_told_apart(tmp_path):
    class Certain(ToyTarget):
        def score(self, images):
            logits = 40 * super().score(images).logits
            weights = np.exp(logits - logits.max(1, keepdims=True)).astype(np.float32)
            return Scores(weights / weights.sum(1, keepdims=True), logits)

    session = start(toy_assembly(target=Certain()), tmp_path / "run")
    session.go(Silence())
    run = session.run
    middle, lowest = run.ranks
    assert (middle, lowest) == session.ranks
    assert (middle, lowest) == (
        statistics.median(elite.rank for elite in run),
        min(elite.rank for elite in run),
    )
    certain = [elite for elite in run if elite.confidence == 1]
    assert certain
    assert not any("100 %" in repr(elite) for elite in certain)
    assert "100 %" not in run._repr_html_()


def everything(run):
    """Ask a run for all that it says."""
    elites = [(elite.png, elite.genome_text) for elite in run]
    lines = [
        [(each.candidate_id, each.name, each.confidence) for each in run.lineage(name)]
        for name in ("a", "b")
    ]
    of_the_whole = (run.summary(), run.history, run.requests, run.classes, run.searched, run.ended)
    return elites, lines, of_the_whole, run.replacements


@pytest.mark.parametrize("make", [toy_assembly, lambda: paid_assembly(TopTwo())])
def test_a_run_under_way_is_what_it_was_when_it_was_opened(tmp_path, make):
    assembly = make()
    session = start(assembly, tmp_path / "run")
    asked_at_once, asked_late, refreshed = (OpenRun(tmp_path / "run", assembly) for _ in range(3))
    expected = []

    def stop():
        if asked_late.generation == refreshed.generation == 1 and not expected:
            expected.extend(everything(asked_at_once))
        elif not expected:
            asked_late.refresh()
            refreshed.refresh()
        return False

    session.go(Silence(), stop)
    assert everything(asked_late) == tuple(expected)
    refreshed.refresh()
    assert everything(refreshed) == everything(session.run) != tuple(expected)


def test_a_reader_is_in_nobodys_way(tmp_path):
    folder, busy = tmp_path / "run", []
    start(toy_assembly(2), folder).go(Silence())
    run = open_run(folder)
    before = run.summary()

    def stop():
        run.refresh()
        run.summary()
        with closing(sqlite3.connect(folder / DATABASE)) as database:
            busy.append(database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        return False

    resume(lambda _resolved, _plan: toy_assembly(4), folder).go(Silence(), stop)
    assert busy == [0, 0]
    assert run.generation == 3 > before["generation"]


def test_what_observers_are_shown_is_the_generation_that_they_are_told_of(tmp_path):
    class Looking(Silence):
        def generation_done(self, run, report):
            assert run.generation == report.generation
            assert run.history[-1] == report
            looked.append(run.evaluations)

    looked = []
    start(toy_assembly(), tmp_path / "run").go(Looking())
    assert looked == [20, 40, 60, 80, 100, 120]


@pytest.mark.parametrize("size", ["x", (1, 2, 3), float("nan")])
def test_a_size_that_is_none_is_refused(run, size):
    with pytest.raises(ExperimentError, match=r"is none; give .* longer side, or \(height, width"):
        run["a"].image(size)


def test_an_encoding_without_graphs_says_so(run):
    with pytest.raises(RunError, match="are not graphs"):
        run["a"].graph()


def test_a_notebook_shows_a_run_and_an_elite(run):
    assert run._repr_html_().count("<img") == 5
    assert run._repr_html_().count('alt="evolved image"') == 5


def test_names_are_escaped_in_a_notebook(tmp_path):
    spec = ImageSpec(4, 4, 1, ("<script>alert(1)</script>", "b"))
    session = start(toy_assembly(target=ToyTarget(spec)), tmp_path / "run")
    session.go(Silence())
    assert "<script>" not in session.run._repr_html_()


def test_a_folder_without_a_run_cannot_be_opened(tmp_path):
    with pytest.raises(RunError, match=r"not a run folder \(no run.db\); give one of runs/\*"):
        open_run(tmp_path / "nothing")


def paid_run(folder):
    how = {"image": (1, 4, 4), "classes": [*"abcde"], "images": 60, "progress": False}
    return fool(PaidToy(), target_options={"max_queries": 63}, encoding="direct", out=folder, **how)


def test_a_genome_is_scored_with_the_model_of_the_run_or_one_that_is_given(tmp_path):
    elite = paid_run(tmp_path / "run")["a"]
    assert elite.run.score(elite.genome)["a"] == elite.confidence
    run = open_run(tmp_path / "run")
    with pytest.raises(RunError, match=r"only Python has its target.*model=model\)"):
        run.score(elite.genome)


def test_scoring_a_genome_is_a_query_of_the_runs_budget(tmp_path):
    run = paid_run(tmp_path / "run")
    genome, model = run["a"].genome, PaidToy()
    assert run.requests["answered"][1] == 62
    assert run.score(genome, model)["a"] == run["a"].confidence
    assert sum(images for _, images in run.requests.values()) == 63
    with pytest.raises(BudgetSpent):
        run.score(genome)
    assert len(model.asked) == 1
