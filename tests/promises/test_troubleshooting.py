"""The messages that docs/troubleshooting.md explains are those that people see."""

import re
from pathlib import Path

import pytest
from commands import neatfool

import neatfool as library

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)


def is_explained(message):
    """Say whether a heading is a part of the message; ``…`` stands for what is left out."""
    parts = [[each.strip() for each in heading.split("…")] for heading in HEADINGS]
    return any(all(part in " ".join(message.split()) for part in each) for each in parts)


@pytest.mark.parametrize(
    "command",
    [
        ["run", "mnst"],
        ["validate", "mnist", "--set", "scheme.bach=3"],
        ["run", "mnist", "--set", "target.device=cuda"],
        ["show", "runs/mnist-9"],
    ],
    ids=lambda command: command[-1],
)
def test_a_message_of_a_command_is_explained(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = neatfool(*command)
    assert result.exit_code
    assert is_explained(result.stderr), result.stderr


def test_a_second_run_in_a_folder_is_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    neatfool("run", "mnist", "--generations", 1, "--no-report")
    result = neatfool("run", "mnist", "--generations", 1, "--no-report")
    assert is_explained(result.stderr), result.stderr


@pytest.mark.parametrize(
    ("model", "classes"),
    [
        ("ResNet()", 1000),
        ("ResNet().eval()", 10),
        ("lambda images: images.mean((2, 3)) + 125", 3),
    ],
)
def test_a_message_about_a_model_is_explained(model, classes, tmp_path, monkeypatch):
    from torch import nn

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.LazyLinear(1000))

        def forward(self, images):
            return self.layers(images)

    monkeypatch.chdir(tmp_path)
    made = eval(model, {"ResNet": ResNet})
    with pytest.raises(library.TargetError) as error:
        library.fool(made, image=(3, 8, 8), classes=classes, images=10, progress=False)
    assert is_explained(re.sub(r"from [\d.]+ to [\d.]+", "from 125.3 to 255", str(error.value)))
