"""What several commands that read runs refuse, in the same words."""

import pytest
from commands import neatfool

pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.mark.parametrize("command", ["show", "verify", "report", "resume"])
def test_a_folder_without_a_run_is_refused(command, tmp_path):
    result = neatfool(command, tmp_path / "absent", exit_code=5)
    assert "not a run folder" in result.stderr


@pytest.mark.parametrize("command", ["graph", "render"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("scool bus", "did you mean 'school bus'?"), ("4", "there are: "), ("-1", "there are: ")],
)
def test_a_class_that_does_not_exist_is_refused(command, name, said, finished, tmp_path):
    result = neatfool(command, "-o", tmp_path / "x.png", finished, "--", name, exit_code=2)
    assert f"there is no class {name!r}" in result.stderr
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["graph", "render", "report"])
def test_a_folder_that_is_not_there_cannot_be_written_to(command, finished, tmp_path):
    suffix = ".html" if command == "report" else ".png"
    name = () if command == "report" else ("school bus",)
    result = neatfool(
        command, finished, *name, "-o", tmp_path / "absent" / f"x{suffix}", exit_code=6
    )
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.output
