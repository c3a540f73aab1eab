import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch

import neatfool
from neatfool import ExperimentError, ImageSpec, RunError, Target, TargetError


def calm_and_busy(images):
    """Any real numbers: how even images are, below 0, and how varied, above 1."""
    spread = images.std((1, 2, 3)).astype(float)
    return np.stack([-spread, spread], 1)


def mirrored(images):
    """How symmetric images are, with brightness and contrast as measures."""
    grey = images / 255
    score = -np.abs(grey - grey[..., ::-1]).mean((1, 2, 3))
    return score, np.stack([grey.mean((1, 2, 3)), grey.std((1, 2, 3))], 1)


GRID = {"brightness": (0, 1, 5), "contrast": (0, 0.5, 4)}


def evolve(score, folder, **more):
    settings = {"image": (1, 12, 10), "images": 600, "out": folder, "progress": False}
    return neatfool.evolve(score, **{**settings, "scheme_options": {"batch": 40}, **more})


def rows(run, sql):
    with closing(sqlite3.connect(run.path / "run.db")) as database:
        return database.execute(sql).fetchall()


def test_each_niche_keeps_the_image_with_the_highest_score(tmp_path):
    run = evolve(calm_and_busy, tmp_path / "run", niches=["calm", "busy"])
    assert run.evaluations == 600
    for elite in run:
        image = elite.saved_pixels()[None]
        assert elite.score == calm_and_busy(image)[0, elite.index] == elite.rank
    assert run["busy"].score > 80
    assert run["calm"].score <= 0
    assert run["calm"].image(64).size == (53, 64)


def test_a_score_of_one_niche_may_be_a_row_of_numbers(tmp_path):
    run = evolve(lambda images: -images.mean((1, 2, 3)), tmp_path / "run")
    assert run.classes == ("best",)
    assert run.best().score > -20


def test_a_grid_keeps_the_best_image_of_each_cell(tmp_path):
    run = evolve(mirrored, tmp_path / "run", grid=GRID)
    assert len(run.searched) == 20
    assert 5 < len(run) < 20
    for elite in run:
        score, (measured,) = mirrored(elite.saved_pixels()[None])
        assert elite.score == score[0]
        assert elite.measures == pytest.approx(measured)
        ends = [part.rsplit(maxsplit=3) for part in elite.name.split(", ")]
        for (_, low, _, high), value in zip(ends, measured, strict=True):
            assert float(low) <= value <= float(high)


def test_each_cell_has_the_best_of_all_images_that_fell_into_it(tmp_path):
    seen = {}

    def noting(images):
        scores, measures = mirrored(images)
        for score, cell in zip(scores, spec.cells(measures), strict=True):
            seen[cell] = max(score, seen.get(cell, -np.inf))
        return scores, measures

    axes = [neatfool.GridAxis(name, *ends) for name, ends in GRID.items()]
    spec = ImageSpec(12, 10, 1, kind="objective", grid=tuple(axes))
    run = evolve(noting, tmp_path / "run", grid=GRID)
    # Probes that are no candidates are noted, too.
    found = {elite.index: elite.score for elite in run}
    assert found.keys() <= seen.keys()
    assert sum(found[cell] < seen[cell] for cell in found) <= 2


def test_an_archive_is_a_frame_that_pyribs_draws(tmp_path):
    pytest.importorskip("pandas")
    ribs = pytest.importorskip("ribs.archives")
    run = evolve(mirrored, tmp_path / "run", grid=GRID)
    frame = run.archive()
    grid = ribs.GridArchive(solution_dim=1, dims=(5, 4), ranges=[(0, 1), (0, 0.5)])
    measures = frame[["measures_0", "measures_1"]].to_numpy()
    assert grid.index_of(measures).tolist() == frame["index"].tolist()
    assert frame["objective"].tolist() == [elite.score for elite in run]
    assert len(ribs.ArchiveDataFrame(frame)) == len(run)
    matplotlib = pytest.importorskip("matplotlib.figure")
    pytest.importorskip("seaborn")
    visualize = pytest.importorskip("ribs.visualize")
    axes = matplotlib.Figure().add_subplot()
    visualize.grid_archive_heatmap(grid, axes, df=frame, cbar=None)
    (mesh,) = axes.collections
    drawn = np.ma.filled(mesh.get_array(), np.nan)
    assert np.isfinite(drawn).sum() == len(run)


def test_a_differentiable_score_is_climbed_by_its_gradients(tmp_path):
    wanted = torch.linspace(0, 255, 120)

    def near(images):
        return -(images.flatten(1) - wanted).square().mean(1).sqrt()

    learning = {"learn": 0.6, "batch": 40, "learn_after": 1}
    plain = evolve(near, tmp_path / "plain", differentiable=True)
    run = evolve(near, tmp_path / "run", differentiable=True, scheme_options=learning)
    assert run.best().score > plain.best().score
    kinds = {data["kind"] for _, data in run.phylogeny().nodes(data=True)}
    assert "learned" in kinds


def test_learning_without_gradients_says_what_to_do(tmp_path):
    with pytest.raises(ExperimentError, match="differentiable=True"):
        evolve(calm_and_busy, tmp_path / "run", niches=["a", "b"], scheme_options={"learn": 0.5})


@pytest.mark.parametrize("scheme", ["single_class", "map_elites"])
def test_any_scheme_serves(tmp_path, scheme):
    size = "population" if scheme == "single_class" else "batch"
    more = {"scheme": scheme, "scheme_options": {size: 20}, "niches": ["busy"]}
    run = evolve(lambda images: images.std((1, 2, 3)), tmp_path / "run", **more)
    assert run["busy"].score > 60


def test_a_run_is_opened_verified_and_resumed_with_its_function(tmp_path):
    whole = evolve(mirrored, tmp_path / "whole", grid=GRID)
    evolve(mirrored, tmp_path / "run", grid=GRID, images=280)
    more = {"grid": GRID, "images": 600, "resume_run": True}
    run = evolve(mirrored, tmp_path / "run", **more)
    tables = "SELECT * FROM elite", "SELECT * FROM image", "SELECT * FROM candidate"
    assert all(rows(run, each) == rows(whole, each) for each in tables)
    opened = neatfool.open_run(tmp_path / "run", model=mirrored)
    verdict = opened.verify()
    assert not verdict.wrong
    assert "%" not in str(verdict)
    best = opened.best()
    assert opened.score(best.genome) == {best.name: best.score}


def test_statistics_leave_out_empty_niches(tmp_path):
    run = evolve(mirrored, tmp_path / "run", grid=GRID)
    last = run.history[-1]
    scores = [elite.score for elite in run]
    assert (last.filled, last.median) == (len(run), np.median(scores))
    assert last.minimum == min(scores)
    assert not any(last.classes_ge)
    assert not any(name.startswith("classes_ge") for name in run.frame().columns)
    assert "%" not in repr(run.best()) + run.best().caption + run._repr_html_()


def test_images_without_a_finite_score_are_refused(tmp_path):
    def picky(images):
        scores = images.mean((1, 2, 3)).astype(float)
        return np.where(scores > 140, np.nan, scores)

    run = evolve(picky, tmp_path / "run")
    assert sum(report.refused for report in run.history) > 0
    assert 100 < run.best().score <= 140


class Views(Target):
    spec = ImageSpec(12, 10, 1, ("brightness",), kind="objective")

    def score(self, images):
        return images.mean((1, 2, 3))


def test_a_target_may_say_that_it_is_an_objective(tmp_path):
    options = {"image": None, "views": {"move": 2, "number": 3}}
    run = evolve(Views(), tmp_path / "run", **options)
    assert run.best().score > 200


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"niches": ["a"], "grid": GRID}, "one of the two"),
        ({"image": (12, 10)}, "channels, height, width"),
        ({"image": (1, 10**6, 10**6)}, "image.*at most 67,108,864 pixels"),
        ({"images": 10**18}, "images.*1000000000000"),
        ({"grid": {"brightness": (1, 0, 5)}}, "range"),
        ({"grid": [(0, 1, 400), (0, 1, 400)]}, "at most"),
        ({"niches": []}, "at least 1"),
        ({"threshold": 0.5}, "neatfool.fool"),
        ({"target_options": {"logit_temperature": 2.0}}, "classifier"),
        ({"grid": GRID, "views": {"move": 2}}, "grid"),
    ],
)
def test_wrong_arguments_are_told(tmp_path, wrong, told):
    with pytest.raises(ExperimentError, match=told):
        evolve(mirrored, tmp_path / "run", **wrong)


@pytest.mark.parametrize(
    ("name", "told"),
    [("shceme", "did you mean 'scheme'"), ("zzz", "there are: .*encoding.*scheme.*views")],
)
def test_an_unknown_argument_is_told_with_the_nearest(tmp_path, name, told):
    with pytest.raises(TypeError, match=told):
        evolve(mirrored, tmp_path / "run", **{name: 1})


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (lambda images: np.zeros((len(images), 3)), "shape"),
        (lambda images: ["a"] * len(images), "not numbers"),
        (lambda images: 1 / 0, "division"),
        (lambda images: None, "returned None"),
        (lambda images: np.full((len(images), 2), np.nan), r"your-function.*refused\)$"),
        (lambda images: (np.zeros(len(images)), np.zeros((len(images), 2))), "give grid="),
    ],
)
def test_what_is_wrong_with_a_score_is_told(tmp_path, score, told):
    with pytest.raises(TargetError, match=told):
        evolve(score, tmp_path / "run", niches=["a", "b"])


def test_a_score_without_measures_is_told(tmp_path):
    with pytest.raises(TargetError, match="measures"):
        evolve(calm_and_busy, tmp_path / "run", grid=GRID)


@pytest.mark.parametrize(
    "other",
    [
        {"grid": {"brightness": (0, 1, 5), "contrast": (0, 0.5, 8)}},
        {"grid": {"brightness": (0, 2, 5), "contrast": (0, 0.5, 4)}},
        {"grid": {"lightness": (0, 1, 5), "contrast": (0, 0.5, 4)}},
        {"image": (1, 14, 10)},
    ],
)
def test_a_run_goes_on_only_with_its_own_images_and_niches(tmp_path, other):
    evolve(mirrored, tmp_path / "run", grid=GRID, images=200)
    with pytest.raises(RunError, match="other images or classes"):
        evolve(mirrored, tmp_path / "run", **{"grid": GRID, "resume_run": True, **other})
    run = evolve(mirrored, tmp_path / "run", grid=GRID, images=300, resume_run=True)
    assert not run.verify().wrong


@pytest.mark.parametrize("size", [1e-12, 1, 1e12])
def test_scores_of_any_size_are_compared(tmp_path, size):
    run = evolve(lambda images: size * images.std((1, 2, 3)), tmp_path / "run", images=100)
    assert not run.verify().wrong
    doubled = neatfool.open_run(run.path, model=lambda images: 2 * size * images.std((1, 2, 3)))
    assert len(doubled.verify().wrong) == 1
    draw = np.random.default_rng(0)
    with pytest.raises(TargetError, match="scored twice"):
        evolve(lambda images: size * draw.random(len(images)), tmp_path / "chance")


def test_cells_have_different_names_however_narrow_they_are():
    axis = neatfool.GridAxis("x", 1_000_000, 1_000_001, 10)
    assert len({*axis.ranges()}) == 10
    assert axis.ranges()[0] == "x 1000000 to 1000000.1"


def test_messages_speak_of_niches(tmp_path):
    run = evolve(calm_and_busy, tmp_path / "run", niches=["calm", "busy"])
    with pytest.raises(ExperimentError, match=r"there is no niche 'claim'.*'calm'"):
        run.elite("claim")
