import threading
import time
from dataclasses import replace
from itertools import islice

import engines
import pytest
from engines import begun, database, write_shades
from hypothesis import given
from hypothesis import strategies as st
from searches import Silence, go_on, stop_after

from neatfool.errors import TargetError
from neatfool.scoring.plan import part_size
from neatfool.scoring.remote import part_sizes_for_workers
from tests.support.databases import contents

THREADS = "engine.plugin=threads"


@pytest.fixture
def file(tmp_path):
    return write_shades(tmp_path)


def borders(sizes, count):
    """Give where parts begin, until a generation of so many candidates is divided."""
    begins = [0]
    for size in sizes:
        begins.append(begins[-1] + size)
        if begins[-1] >= count:
            return begins[:-1]
    return begins


@given(st.integers(1, 3000), st.integers(1, 64), st.integers(0, 5), st.integers(1, 4))
def test_parts_are_whole_batches_and_become_smaller(generation, batch, screened, parts):
    unit = screened * batch or batch
    sizes = [*islice(part_sizes_for_workers(generation, batch, screened * batch, parts), 300)]
    assert all(size % unit == 0 for size in sizes)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= max(unit, 16)


@given(st.integers(1, 3000), st.integers(2, 64), st.integers(1, 300), st.integers(1, 4))
def test_screening_batches_begin_where_they_do_without_an_engine(generation, batch, screen, parts):
    rule = batch, screen, parts
    size = part_size(generation, *rule)

    def batches(begins):
        ends = [*begins[1:], generation]
        return [
            at for begin, end in zip(begins, ends, strict=True) for at in range(begin, end, screen)
        ]

    without = batches([*range(0, generation, size)])
    assert batches(borders(part_sizes_for_workers(generation, *rule), generation)) == without


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same_database(file, tmp_path, workers):
    alone = database(file, tmp_path / "alone")
    assert database(file, tmp_path / "run", THREADS, f"engine.workers={workers}") == alone


@pytest.mark.slow
def test_with_views_too(file, tmp_path):
    views = "views.number=3", "views.move=2", "views.light=20"
    focus = "views.focus=4", "encoding.plugin=cppn", "encoding.band_limit=2"
    for name, more in {"plain": views, "focus": (*views, *focus)}.items():
        alone = database(file, tmp_path / name, *more)
        assert database(file, tmp_path / f"{name}-threads", *more, THREADS) == alone


def test_with_learning_too(tmp_path):
    file = tmp_path / "mnist.ini"
    file.write_text(
        "[experiment]\ngenerations = 4\n[plugins]\npath = threads.py\n"
        "[target]\nplugin = mnist\nprecision = bf16\n"
        "[scheme]\nbatch = 60\nlearn = 0.5\nlearn_after = 0\n"
    )
    (tmp_path / "threads.py").write_text(engines.THREADS)
    alone = database(file, tmp_path / "alone")
    assert database(file, tmp_path / "run", THREADS) == alone


def test_memory_that_runs_out_in_a_worker_halves_all_batches(file, tmp_path):
    small = "target.batch_size=16", "target.holds=5"
    alone = database(file, tmp_path / "alone", *small)
    assert database(file, tmp_path / "run", *small, THREADS) == alone
    assert [row[-1] for row in alone["state"]] != []


def test_a_run_is_resumed_without_its_engine(file, tmp_path):
    alone = database(file, tmp_path / "alone")
    session = begun(file, tmp_path / "run", THREADS)
    assert session.go(Silence(), stop_after(3)).reason == "interrupted"
    go_on(tmp_path / "run").go(Silence())
    assert contents(tmp_path / "run" / "run.db") == alone


def test_a_worker_that_draws_another_image_ends_the_run(file, tmp_path, monkeypatch):
    session = begun(file, tmp_path / "run", THREADS)
    kind = type(session._assembly.encoding)
    draw = kind.render

    def draw_otherwise(self, genomes):
        here = threading.current_thread() is threading.main_thread()
        return draw(self, genomes) if here else draw(self, genomes) ^ 1

    monkeypatch.setattr(kind, "render", draw_otherwise)
    with pytest.raises(TargetError, match="drew different images of one genome"):
        session.go(Silence())


def test_an_engine_that_draws_differently_from_the_start_is_told(file, tmp_path, monkeypatch):
    session = begun(file, tmp_path / "run", THREADS)
    from neatfool.evolution import workplace

    made = workplace.make_setup(session._assembly)
    part, answer = made.probes[0]
    wrong = answer._replace(checksums=[answer.checksums[0] ^ 1, *answer.checksums[1:]])
    with pytest.raises(TargetError, match="draws the probes differently"):
        workplace.Workplace(replace(made, probes=[(part, wrong)]))
    off = replace(answer.scores, probs=answer.scores.probs + 1e-9)
    with pytest.raises(TargetError, match=r"scores the probes differently \(.* and then .*\)"):
        workplace.Workplace(replace(made, probes=[(part, answer._replace(scores=off))]))
    session._ending.close()


def test_images_under_way_are_counted(file, tmp_path, monkeypatch):
    # On a busy machine the next generation would not begin before this one is recorded.
    monkeypatch.setattr("neatfool.evolution.loop.SECONDS_AHEAD", 60.0)
    session = begun(file, tmp_path / "run", THREADS, "experiment.generations=2")

    class Count(Silence):
        def generation_done(self, run, report):
            # The next generation has begun, and its parts are counted as they are answered.
            end = time.monotonic() + 20
            while not report.generation and session.scored == report.evaluations:
                assert time.monotonic() < end
                time.sleep(0.01)

    session.go(Count())
    assert session.scored == 80
