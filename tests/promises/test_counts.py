"""How much is done in a generation, counted: a regression shows here without a stopwatch."""

import sys
from itertools import groupby

import numpy as np
import pytest
import torch
from genomes import breeder_of, config_of
from searches import Silence, Witness, toy_assembly
from torch.utils._python_dispatch import TorchDispatchMode

from neatfool import Candidate, ImageSpec, Scores, cppn
from neatfool.evolution.session import start
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.spec.archive import Archive, Elite
from neatfool.testing import ToyEncoding, ToyTarget
from neatfool_plugins.cppn import CppnEncoding
from neatfool_plugins.cppn import Options as CppnOptions
from neatfool_plugins.map_elites import MapElites
from neatfool_plugins.map_elites import Options as MapElitesOptions


@pytest.fixture(autouse=True)
def _one_thread():
    """Keep torch's work in this thread, where it is counted."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Operations(TorchDispatchMode):
    """Counts the operations of torch, and the bytes of images that they write anew."""

    COPIES = ("aten.cat", "aten.clone", "aten.copy_", "aten.stack", "aten._to_copy", "aten.index")

    def __init__(self):
        super().__init__()
        self.count = 0
        self.image_bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.count += 1
        if str(function).startswith(self.COPIES) and result.dtype == torch.uint8:
            self.image_bytes += result.nbytes
        return result


def operations(work):
    with Operations() as counted:
        work()
    return counted


# torch operations


def test_the_operations_of_a_render_do_not_grow_with_the_population():
    config = config_of("paper")
    genomes = breeder_of("paper").create(range(400))

    def of(count):
        program = cppn.compile_genomes(genomes[:count], config.input_keys, config.output_keys)
        look = cppn.Look(8, 8, colour_map="hsv")
        return operations(lambda: cppn.render(program, look)).count

    few, many = of(20), of(400)
    assert few < 200
    assert many < 1.25 * few


class CountingTarget(ToyTarget):
    calls = 0

    def score(self, images):
        self.calls += 1
        return super().score(images)


def test_a_target_is_called_once_a_batch(tmp_path):
    target = CountingTarget()
    start(toy_assembly(6, target=target), tmp_path / "run").go(Silence())
    assert target.calls == 6


# compilations


needs_numba = pytest.mark.skipif(not cppn.can_compile(), reason="needs numba")


@pytest.mark.parametrize("renderer", ["plain", pytest.param("compiled", marks=needs_numba)])
def test_each_candidate_is_compiled_once_and_nothing_else_is(tmp_path, monkeypatch, renderer):
    compiled = []

    def counted(compile_):
        def compile_and_count(genomes, *keys):
            compiled.extend(genomes)
            return compile_(genomes, *keys)

        return compile_and_count

    monkeypatch.setattr(cppn, "compile_genomes", counted(cppn.compile_genomes))
    monkeypatch.setattr(cppn, "compile_tape", counted(cppn.compile_tape))
    target = ToyTarget(ImageSpec(8, 8, 1, tuple("abcde")))
    options = CppnOptions(renderer=renderer, device="cpu")
    encoding = CppnEncoding(options, spec=target.spec)
    scheme = MapElites(MapElitesOptions(batch=20), encoding=encoding, spec=target.spec, seed=1)
    session = start(
        toy_assembly(6, target=target, encoding=encoding, scheme=scheme), tmp_path / "run"
    )
    assert session.go(Silence()).evaluations == 120
    assert len(compiled) == 120
    assert len({id(genome) for genome in compiled}) == 120


# bytes


class UncountedEncoding(ToyEncoding):
    """Draws outside of what is counted."""

    def render(self, genomes):
        # PyTorch has no public way to look aside.
        with torch.utils._python_dispatch._disable_current_modes():
            return super().render(genomes)


def test_the_images_of_a_generation_are_copied_once_and_those_of_new_elites_once_more(tmp_path):
    assembly = toy_assembly(6, encoding=(encoding := UncountedEncoding()))
    scheme = MapElites(MapElitesOptions(batch=20), encoding=encoding, spec=assembly.spec, seed=1)
    seen, image = Witness(), 16
    session = start(toy_assembly(6, encoding=encoding, scheme=scheme), tmp_path / "run")
    with Operations() as counted:
        session.go(seen)
    won = len({replacement.elite.candidate.id for replacement in seen.replacements})
    assert won > 5
    assert 120 * image <= counted.image_bytes <= (120 + won) * image


# the database


def midway(folder, *, classes, batch, strong):
    """Give a run whose niches are all held, by elites that are strong or that anyone beats."""
    spec = ImageSpec(4, 4, 1, tuple(f"class {number}" for number in range(classes)))
    target, encoding = ToyTarget(spec), ToyEncoding(spec)
    options = MapElitesOptions(batch=batch)
    scheme = MapElites(options, encoding=encoding, spec=spec, seed=1)
    for index, genome in enumerate(encoding.create(range(classes))):
        rank = np.inf if strong else -1e9
        scheme.archive.place(Elite(index, Candidate(10_000 + index, genome), 0.5, rank))
    scorer = Scorer(target, name="toy", plan=ScoringPlan(batch))
    assembly = toy_assembly(2, scorer=scorer, encoding=encoding, scheme=scheme)
    return start(assembly, folder)


class Traces(Witness):
    """Notes what SQLite executes in the second generation, and the replacements in it."""

    def __init__(self, database):
        super().__init__()
        self.database, self.executed = database, []

    def generation_done(self, run, report):
        self.database.set_trace_callback(None if report.generation else self.executed.append)
        self.replacements.clear()


@pytest.fixture
def statements_of_a_generation(opened):
    """Give what SQLite executed in the second generation, and its replacements."""

    def trace(folder, **setting):
        session = midway(folder, **setting)
        seen = Traces(opened[-1])
        session.go(seen)
        # While a trigger of the digests works, SQLite names its statement again.
        return [each for each, _ in groupby(seen.executed)], seen.replacements

    return trace


def test_where_nothing_improves_a_generation_writes_two_rows_whatever_its_size(
    tmp_path, statements_of_a_generation
):
    counts = set()
    for classes, batch in [(5, 10), (400, 10), (5, 200)]:
        folder = tmp_path / f"{classes}-{batch}"
        executed, replacements = statements_of_a_generation(
            folder, classes=classes, batch=batch, strong=True
        )
        assert not replacements
        counts.add(len(executed))
        written = [s for s in executed if s.startswith(("INSERT", "REPLACE", "UPDATE"))]
        seals = [s for s in written if s.startswith("REPLACE INTO seal")]
        # The digest of all tables, and the seal over it, are one row.
        assert (len(written) - len(seals), len(seals)) == (2, 1)
    assert len(counts) == 1
    assert counts.pop() <= 12


def test_the_statements_of_a_generation_follow_its_replacements(
    tmp_path, statements_of_a_generation
):
    executed, replacements = statements_of_a_generation(
        tmp_path / "run", classes=200, batch=50, strong=False
    )
    assert len(replacements) > 20
    # Of a replacement: the elite, the replacement, the former image; of a new elite: itself, its
    # parent, its image, and whether it is a member.
    elites = {replacement.elite.candidate.id for replacement in replacements}
    assert len(executed) <= 18 + 3 * len(replacements) + 3 * len(elites)


# the archive


def test_an_archive_looks_at_all_classes_at_once():
    """The Python of an offer is that of its replacements, however many classes there are."""

    def calls(classes):
        archive, count = Archive(classes), 0
        archive.ranks[:] = np.inf
        scores = Scores(np.full((4, classes), 1 / classes), ok=np.ones(4, np.bool_))
        candidates = [Candidate(number, None) for number in range(4)]

        def profile(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(profile)
        archive.offer(candidates, scores)
        sys.setprofile(None)
        return count

    assert calls(10) == calls(10_000)
