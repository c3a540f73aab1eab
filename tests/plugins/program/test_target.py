"""A program on this machine as a target: what it is given, how it is read, and how it ends."""

import os
import re
import shutil
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from commands import neatfool as cli
from waiting import wait_until

import neatfool
from neatfool import ExperimentError, TargetError
from neatfool.testing import check_plugin

IMAGES = np.stack([np.full((1, 4, 6), level, np.uint8) for level in (0, 51, 204)])
BOTH = 'b = bright(sys.argv[1]); print(json.dumps({"bright": b, "dark": 1 - b}))'


def test_scores_are_an_object_by_class_or_a_list(program):
    expected = [[1, 0], [0.8, 0.2], [0.2, 0.8]]
    assert program(BOTH).score(IMAGES).probs == pytest.approx(np.array(expected), abs=1e-5)
    listed = program("b = bright(sys.argv[1]); print([1 - b, b])", sums_to_one=True)
    assert listed.score(IMAGES).probs == pytest.approx(np.array(expected), abs=1e-5)
    one = program("print(bright(sys.argv[1]))", classes=["bright"])
    assert one.score(IMAGES).probs[:, 0] == pytest.approx([0, 0.2, 0.8], abs=1e-5)
    some = program('print(json.dumps({"bright": bright(sys.argv[1]), "other": 3}))')
    assert some.score(IMAGES).probs[2] == pytest.approx([0, 0.8], abs=1e-5)


def test_logits_become_probabilities(program):
    code = "print([0, bright(sys.argv[1])])"
    scores = program(code, scores_are="logits", sums_to_one=True).score(IMAGES)
    assert scores.logits[:, 1] == pytest.approx([0, 0.2, 0.8], abs=1e-5)
    assert scores.probs.sum(1) == pytest.approx(1)


def test_any_numbers_make_it_an_objective(program):
    code = "print(json.dumps([-100 * bright(sys.argv[1]), 7]))"
    target = program(code, scores_are="numbers")
    assert target.spec.is_objective
    assert target.score(IMAGES).probs[:, 0] == pytest.approx([0, -20, -80], abs=0.1)


@pytest.mark.parametrize("printed", ["print(json.dumps(all))", "[print(each) for each in all]"])
def test_a_process_may_take_several_images(program, printed):
    code = f"all = [[1 - bright(p), bright(p)] for p in sys.argv[1:]]\n{printed}"
    target = program(code, "{images}", concurrency=2)
    assert target.score(IMAGES).probs[:, 1] == pytest.approx([0, 0.2, 0.8], abs=1e-5)
    assert target.score(IMAGES[:1]).probs[:, 1] == pytest.approx([0])


@pytest.mark.skipif(not shutil.which("identify"), reason="without ImageMagick")
def test_the_program_that_the_page_shows_scores():
    page = (Path(__file__).parents[3] / "docs" / "evolve.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(import neatfool\n.*?)^run = ", page, re.M | re.S)
    made = {}
    exec(example, made)
    with closing(made["target"]) as target:
        images = np.stack([np.full(target.spec.shape, level, np.uint8) for level in (0, 51, 204)])
        assert target.score(images).probs[:, 0] == pytest.approx([0, 0.2, 0.8], abs=1e-3)


def test_the_classifier_that_the_page_shows_takes_several_images(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "evolve.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(# classify.py.*?)^```$", page, re.M | re.S)
    (tmp_path / "classify.py").write_text(code)
    command, classes = [sys.executable, "classify.py", "{images}"], ["dark", "bright"]
    size = {"height": 4, "width": 6, "channels": 1, "folder": str(tmp_path)}
    target = neatfool.make_target("program", command=command, classes=classes, **size)
    with closing(target):
        assert target.score(IMAGES).probs[:, 1] == pytest.approx([0, 0.2, 0.8], abs=1e-3)


def test_text_scores_how_near_each_class_is(program):
    words = {"parser": "text", "classes": ["cat", "dog"]}
    code = 'print(" c a t\\n" if bright(sys.argv[1]) > .5 else "cart")'
    assert program(code, **words).score(IMAGES).probs[0] == pytest.approx([6 / 7, 0])


def test_equal_images_are_asked_about_once(program, tmp_path):
    count = tmp_path / "count"
    target = program(f'open({str(count)!r}, "a").write("x"); print([0, 1])')
    assert target.score(IMAGES[[0, 1, 1, 1]]).probs.shape == (4, 2)
    assert count.read_text() == "xx"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sys.exit('no model here')", "exit status 1: no model here"),
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("print('hello')", "printed no JSON"),
        ("print()", "printed nothing"),
        ("print('[0.1]')", r"printed \[0.1\], not a number for each of 2 classes"),
        ("print('[0.1, true]')", "not a number for each"),
        ("print('[0.1, NaN]')", "not finite"),
        ("print('[0.1, 7]')", "printed 7, which is no probability"),
        ("""print('{"a": 1}')""", r'printed none of the classes, but \["a"\]'),
        ("print('[' * 100_000)", "printed no JSON"),
        ("print('1' * 9_000_000)", "more than 8,388,608 bytes"),
    ],
)
def test_a_program_that_never_scores_says_why_at_once(program, code, words):
    with pytest.raises(TargetError, match=rf"look.py .*{words}.*try it in a terminal"):
        program(code).score(IMAGES)


def test_sums_that_are_not_one_are_refused_where_classes_exclude_one_another(program):
    with pytest.raises(TargetError, match=r"whose sum is 0.3; if they need not"):
        program("print([0.1, 0.2])", sums_to_one=True).score(IMAGES)


def test_an_image_without_a_score_is_left_out_with_one_warning(program, caplog, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.program.target.FAILURES", 3)
    target = program("b = bright(sys.argv[1]); sys.exit('dark!') if b < .1 else print([b, b])")
    for _ in range(2):
        scores = target.score(IMAGES)
    assert scores.ok.tolist() == [False, True, True]
    assert len(caplog.messages) == 1
    assert "dark!" in caplog.messages[0]
    for _ in range(2):
        assert not target.score(IMAGES[:1]).ok.any()
    with pytest.raises(TargetError, match="none of 3 images in a row"):
        target.score(IMAGES[:1])


def wait_for(path):
    wait_until(lambda: path.is_file() and path.read_text().endswith("\n"))
    return int(path.read_text())


def lives(pid):
    try:
        return b"\nState:\tZ" not in Path(f"/proc/{pid}/status").read_bytes()
    except FileNotFoundError:
        return False


CHILD = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(PID, "w").write(f"{child.pid}\\n")
child.wait()
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="without groups of processes")
def test_a_program_that_hangs_is_killed_with_what_it_started(program, tmp_path):
    pid = tmp_path / "pid"
    target = program(f"PID = {str(pid)!r}" + CHILD, timeout=4)
    with pytest.raises(TargetError, match=r"took longer than 4 s, and was killed"):
        target.score(IMAGES[:1])
    wait_until(lambda: not lives(wait_for(pid)))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="without groups of processes")
def test_closing_kills_what_runs_and_deletes_the_images(program, tmp_path):
    pid, raised = tmp_path / "pid", []
    target = program(f"PID = {str(pid)!r}" + CHILD)

    def score():
        with pytest.raises(TargetError, match="closed") as caught:
            target.score(IMAGES[:1])
        raised.append(caught)

    thread = threading.Thread(target=score)
    thread.start()
    child = wait_for(pid)
    began = time.monotonic()
    target.close()
    thread.join(30)
    assert raised
    assert time.monotonic() - began < 20
    wait_until(lambda: not lives(child))
    assert not Path(target._folder.name).exists()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="without groups of processes")
def test_an_interruption_kills_what_runs(program, tmp_path):
    pid = tmp_path / "pid"
    target = program(f"PID = {str(pid)!r}" + CHILD, concurrency=1)

    def interrupt():
        wait_for(pid)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        target.score(IMAGES)
    thread.join()
    wait_until(lambda: not lives(wait_for(pid)))


def test_images_lie_in_a_folder_that_only_their_user_can_read(program):
    code = (
        "import os; print([0, (os.stat(os.path.dirname(sys.argv[1])).st_mode & 0o077) == 0 and 1])"
    )
    assert program(code).score(IMAGES).probs[0, 1] == 1


def test_no_shell_reads_the_command(program, tmp_path):
    code = f"print([0, int(sys.argv[2] == '$(touch {tmp_path}/x); *')])"
    target = program(code, "{image}", f"$(touch {tmp_path}/x); *")
    assert target.score(IMAGES).probs[0, 1] == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"command": ["no-such-program", "{image}"]}, "command: there is no program 'no-such-prog"),
        ({"command": ["./no-such", "{image}"]}, "no program './no-such' that can be run"),
        ({"command": [sys.executable]}, "command names {image}"),
        ({"command": ["{image}"]}, "command begins with the program"),
        ({"command": ["cat", "{images}"], "parser": "text"}, "parser = text reads one image"),
        ({"parser": "text", "scores_are": "logits"}, "scores_are is for parser = json"),
        ({"classes": ["a", "a"]}, "classes has a name twice"),
        ({"classes": ["a"], "sums_to_one": True}, "there must be at least 2"),
    ],
)
def test_options_that_cannot_work_are_refused(given, words):
    usual = {"command": [sys.executable, "{image}"], "classes": ["a", "b"]}
    with pytest.raises(ExperimentError, match=words.replace("{", r"\{")):
        neatfool.make_target("program", height=4, width=4, **usual | given)


def test_the_fingerprint_follows_the_program_its_arguments_and_their_files(program, tmp_path):
    before = program(BOTH).fingerprint()
    assert program(BOTH, timeout=5, concurrency=1).fingerprint() == before
    assert program(BOTH, "{image}", "--more").fingerprint() != before
    assert program(BOTH + "\n").fingerprint() != before


def test_it_keeps_the_contract_of_targets(program):
    code = "print([[1 - bright(path), bright(path)] for path in sys.argv[1:]])"
    check_plugin("target", lambda: program(code, "{images}", concurrency=1))


INI = """
[experiment]
name = look
images = 24
[target]
plugin = program
command = {python}, look.py, {{image}}
folder = .
classes = dark, bright
height = 6
width = 6
channels = 1
[scheme]
batch = 12
initial = 12
"""


@pytest.fixture
def experiment(program, tmp_path):
    program("from pathlib import Path; Path(__file__ + '.ran').touch()\n" + BOTH)
    file = tmp_path / "look.ini"
    file.write_text(INI.format(python=sys.executable))
    return file


def test_a_run_is_resumed_and_verified_until_the_program_changes(experiment):
    folder = experiment.parent / "run"
    assert cli("run", experiment, "--out", folder, "--no-report").exit_code == 0
    run = neatfool.open_run(folder)
    brightness = run["bright"].saved_pixels().mean() / 255
    assert run["bright"].confidence == pytest.approx(brightness, abs=1e-5)
    assert not run.verify().wrong
    with (experiment.parent / "look.py").open("a") as script:
        script.write("# changed")
    refused = cli("resume", folder, "--images", "36")
    assert "weights or code changed" in refused.stderr


def test_fool_takes_it_with_a_single_class_that_stands_alone(program, tmp_path):
    target = program("print(bright(sys.argv[1]))", classes=["bright"])
    given = {"image": target.spec.shape, "classes": ["bright"], "images": 12}
    run = neatfool.fool(
        target, out=tmp_path / "run", progress=False, scheme_options={"initial": 12}, **given
    )
    assert run["bright"].confidence > 0


def test_a_run_of_somebody_else_never_starts_a_program(experiment, monkeypatch):
    folder, ran = experiment.parent / "run", experiment.parent / "look.py.ran"
    assert cli("run", experiment, "--out", folder, "--no-report").exit_code == 0
    ran.unlink()
    monkeypatch.setenv("NEATFOOL_CONFIG", str(experiment.parent / "another-user"))
    for command in ("verify", "resume", "survive"):
        refused = cli(command, folder, "--trust")
        assert 'never\n  runs the code of "' in refused.stderr
        assert "look.py '{image}'\" ([target] command)" in refused.stderr
    for trust in (False, True):
        with pytest.raises(neatfool.UntrustedRun, match="another user"):
            neatfool.open_run(folder, trust=trust).verify()
    assert not ran.exists()
