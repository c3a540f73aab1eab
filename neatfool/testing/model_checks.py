"""The checks that every reader of models must pass, and the models that it is given to load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final
from unittest import SkipTest

from neatfool.errors import ExperimentError, TargetError
from neatfool.models.formats import (
    Classifier,
    ClassifierFormat,
    ModelFormat,
    Request,
    Tower,
    TowerFormat,
)
from neatfool.testing.batch_checks import BatchCall, BatchSubject

if TYPE_CHECKING:
    import torch

IMAGES: Final = 6
CLOSE: Final = 1e-3
"""Outputs may differ by this much, or this share, with the other images of a batch."""
ABSENT: Final = "there-is-no-such-file"


class ModelSubject(BatchSubject[ModelFormat]):
    """A reader of models under test, and the whole names of models for it to load."""

    def __init__(self, make: Callable[[], ModelFormat], names: Sequence[str] = ()) -> None:
        super().__init__(make)
        self._names = names

    @cached_property
    def made(self) -> ModelFormat:
        """The reader that the checks share."""
        made = self.make()
        fault = f"{type(made).__name__} is no reader of models; let its class inherit from "
        assert isinstance(made, ModelFormat), f"{fault}neatfool.models.ClassifierFormat"
        return made

    def load(self, name: str) -> Iterator[Classifier | Tower]:
        """Load a model as each of what the reader reads."""
        request = Request(name)
        if isinstance(self.made, ClassifierFormat):
            yield self.made.classifier(request.name, request)
        if isinstance(self.made, TowerFormat):
            yield self.made.tower(request.name, request)

    @cached_property
    def loaded(self) -> list[Classifier | Tower]:
        """The loaded models.

        Raises:
            SkipTest: No name was given.
        """
        if not self._names:
            raise SkipTest(f"no model was named to load (--set model={self.made.forms[0]})")
        return [each for name in self._names for each in self.load(name)]

    def images_for(self, model: Classifier | Tower) -> dict[str, torch.Tensor]:
        """Give noise of a model's size, uint8 [IMAGES, C, H, W]."""
        import torch

        shape = IMAGES, model.preprocessing.channels, *model.preprocessing.size
        draw = torch.Generator().manual_seed(IMAGES)
        return {"images": torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)}

    def calls(self) -> Iterator[BatchCall]:
        """Ask each loaded model about noise."""
        for model in self.loaded:
            why = None
            if not model.differentiable:
                why = model.no_gradients if isinstance(model, Classifier) else None
                why = why or "it says that it has none"
            make = partial(self.images_for, model)
            yield BatchCall("the module", partial(ask_model, model), make, CLOSE, why)


def ask_model(model: Classifier | Tower, images: torch.Tensor) -> torch.Tensor:
    """Ask a model about images, as a target does."""
    import torch

    shown = model.preprocessing
    mean, std = (torch.tensor(each)[:, None, None] for each in (shown.mean, shown.std))
    answer: torch.Tensor = model.module((images.float() - mean) / std)
    return answer


def check_says_how_its_models_are_written(subject: ModelSubject) -> None:
    forms: object = subject.made.forms
    right = isinstance(forms, tuple) and forms and all(isinstance(each, str) for each in forms)
    assert right, f"forms is {forms!r}; give a tuple of texts, such as ('mine:FILE',)"
    assert not subject.made.endings or subject.made.path, (
        "it is_file, but path is None; give path = PrefixedPath('WORD:'), so that a path is found "
        "beside the experiment, and users see what a run of somebody else reads"
    )


def check_a_word_alone_is_refused(subject: ModelSubject) -> None:
    for form in subject.made.forms:
        word, colon, _ = form.partition(":")
        model = word + colon if colon else f"{word}:{ABSENT}"
        with _refusal(f"check() accepts {model!r}, which names no model", ValueError):
            subject.made.check(model)


def check_a_file_that_is_absent_is_said(subject: ModelSubject) -> None:
    if not subject.made.endings:
        raise SkipTest("its models are no files")
    for word in dict.fromkeys(form.partition(":")[0] for form in subject.made.forms):
        errors = ExperimentError, TargetError, ValueError
        with _refusal("a file that does not exist was loaded", *errors):
            [*subject.load(f"{word}:{ABSENT}")]


@contextmanager
def _refusal(fault: str, *errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors:
        return
    raise AssertionError(fault)


def check_a_model_gives_a_row_an_image(subject: ModelSubject) -> None:
    for model in subject.loaded:
        assert not model.module.training, "the module is in training mode; call eval()"
        width = model.count if isinstance(model, Classifier) else model.width
        shape = [*ask_model(model, **subject.images_for(model)).shape]
        assert shape == [IMAGES, width], f"the module gave {shape}; expected {[IMAGES, width]}"
        labels = isinstance(model, Classifier) and model.labels
        assert not labels or len(labels) == width, f"{len(labels)} labels for {width} classes"


def check_a_model_loaded_again_is_the_same(subject: ModelSubject) -> None:
    for model in subject.loaded:
        for other in subject.load(model.name):
            if isinstance(model, Classifier) and isinstance(other, Classifier):
                same = model.digest() == other.digest()
                assert same, "loaded twice, it has another digest; no run could be resumed"
