"""Films of a line of ancestors."""

import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from commands import neatfool, run_small
from PIL import Image

from neatfool import ExperimentError, open_run
from neatfool.present import write_animation
from neatfool.present.animation import choose_steps


class Pictured(SimpleNamespace):
    """An ancestor whose picture has one level of grey."""

    def pixels(self, size):
        return np.full((1, size, size // 2), self.level, np.uint8)


def line(*levels):
    """Give a lineage, the elite first, of which generation 0 is the first of ``levels``."""
    captioned = [Pictured(level=level, caption=f"generation {n}") for n, level in enumerate(levels)]
    return captioned[::-1]


def frames(file):
    with Image.open(file) as film:
        for number in range(film.n_frames):
            film.seek(number)
            picture = np.asarray(film.convert("L"))
            yield int(picture[0, 0]), film.info["duration"]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_pictures_stay_and_fade_from_the_first_ancestor_to_the_elite(tmp_path, suffix):
    file = write_animation(line(0, 100, 220), tmp_path / f"line{suffix}", size=32)
    levels, times = zip(*frames(file), strict=True)
    assert levels == pytest.approx((0, 25, 50, 75, 100, 130, 160, 190, 220), abs=3)
    assert times[0] == times[4] > 3 * times[1]
    assert times[-1] > 3 * times[0]
    assert Image.open(file).size == (16, 48)


def test_of_a_long_line_those_are_shown_between_which_the_image_changes():
    # A hundred ancestors alike, then fifty that each change a little.
    changing = [100] * 100 + [100 + 2 * n for n in range(1, 51)]
    shown = choose_steps(line(*changing)[::-1], lambda *_: None, 11)
    assert [each.level for each in shown] == [*range(100, 201, 10)]
    assert shown[-1].caption == "generation 149"
    alike = choose_steps(line(*[7] * 300)[::-1], lambda *_: None, 11)
    assert [each.caption for each in alike] == ["generation 0", "generation 299"]


def test_a_short_line_is_shown_whole():
    assert len(choose_steps(line(1, 1, 1), lambda *_: None, 11)) == 3


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [("line.bmp", 64, "'.bmp' is no format"), ("line.gif", 721, "1 to 720 pixels")],
)
def test_what_no_film_can_be_is_refused_before_it_is_drawn(tmp_path, name, size, words):
    with pytest.raises(ExperimentError, match=words):
        write_animation(line(0), tmp_path / name, size=size)


def test_without_ffmpeg_it_is_said_what_a_film_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExperimentError, match=r"needs ffmpeg; install it, or write .gif"):
        write_animation(line(0), tmp_path / "line.mp4", size=32)


FFMPEG = """#!/bin/sh
for last; do :; done
[ "$FAILS" ] && { echo "no such codec" >&2; exit 1; }
cat > "$last"
"""


def test_ffmpeg_gets_all_frames(tmp_path, monkeypatch):
    """What stands for it here writes the frames as they come."""
    (tmp_path / "ffmpeg").write_text(FFMPEG)
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    film = write_animation(line(0, 200), tmp_path / "line.mp4", size=32).read_bytes()
    pictures = np.frombuffer(film, np.uint8).reshape(-1, 48, 16, 3)
    assert pictures[[0, -1], 0, 0, 0].tolist() == [0, 200]
    assert len(pictures) == 8 + 3 + 50
    monkeypatch.setenv("FAILS", "yes")
    with pytest.raises(ExperimentError, match="ffmpeg failed: no such codec"):
        write_animation(line(0, 200), tmp_path / "line.mp4", size=32)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="without ffmpeg")
def test_the_real_ffmpeg_makes_a_film(tmp_path):
    film = write_animation(line(0, 200), tmp_path / "line.mp4", size=33)
    told = subprocess.run(["ffmpeg", "-i", str(film)], capture_output=True, text=True, check=False)
    assert "h264" in told.stderr
    assert "Duration: 00:00:03" in told.stderr


def test_render_writes_the_line_of_an_elite(tmp_path):
    folder, file = run_small(tmp_path), tmp_path / "line.gif"
    done = neatfool("render", folder, "bright", "--ancestry", file, "--size", 24)
    ancestors = len(open_run(folder).lineage("bright")) - 1
    assert done.output.startswith(f"{file}: {ancestors} ancestor")
    assert Image.open(file).width == 24
    for more in (["--sharp"], ["-o", "x.png"]):
        assert (
            "without --sharp and --out"
            in neatfool("render", folder, "bright", "--ancestry", file, *more).stderr
        )
    assert "for RUN CLASS" in neatfool("render", folder, "--ancestry", file).stderr
