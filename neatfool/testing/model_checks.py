"""The checks that every reader of models must pass, and the models that it is given to load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
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
from neatfool.testing.checking import expect_gradients

if TYPE_CHECKING:
    import torch

IMAGES: Final = 6
CLOSE: Final = 1e-3
"""Outputs may differ by this much, or this share, with the other images of a batch."""
ABSENT: Final = "there-is-no-such-file"


class ModelSubject:
    """A reader of models under test, and the whole names of models for it to load."""

    def __init__(self, make: Callable[[], ModelFormat], names: Sequence[str] = ()) -> None:
        self._make, self._names = make, names

    @cached_property
    def model(self) -> ModelFormat:
        """The reader that the checks share."""
        made = self._make()
        fault = f"{type(made).__name__} is no reader of models; let its class inherit from "
        assert isinstance(made, ModelFormat), f"{fault}neatfool.models.ClassifierFormat"
        return made

    def load(self, name: str) -> Iterator[Classifier | Tower]:
        """Load a model as each of what the reader reads."""
        request = Request(name)
        if isinstance(self.model, ClassifierFormat):
            yield self.model.classifier(request.name, request)
        if isinstance(self.model, TowerFormat):
            yield self.model.tower(request.name, request)

    @cached_property
    def loaded(self) -> list[Classifier | Tower]:
        """The loaded models.

        Raises:
            SkipTest: No name was given.
        """
        if not self._names:
            raise SkipTest(f"no model was named to load (--set model={self.model.forms[0]})")
        return [each for name in self._names for each in self.load(name)]

    def cases(self) -> Iterator[tuple[Classifier | Tower, torch.Tensor]]:
        """Give each loaded model with noise of its size, uint8 [IMAGES, C, H, W]."""
        import torch

        for model in self.loaded:
            shape = IMAGES, model.preprocessing.channels, *model.preprocessing.size
            draw = torch.Generator().manual_seed(IMAGES)
            yield model, torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)


def ask_model(model: Classifier | Tower, images: torch.Tensor) -> torch.Tensor:
    """Ask a model about images, as a target does."""
    import torch

    shown = model.preprocessing
    mean, std = (torch.tensor(each)[:, None, None] for each in (shown.mean, shown.std))
    answer: torch.Tensor = model.module((images.float() - mean) / std)
    return answer


def check_says_how_its_models_are_written(subject: ModelSubject) -> None:
    forms: object = subject.model.forms
    right = isinstance(forms, tuple) and forms and all(isinstance(each, str) for each in forms)
    assert right, f"forms is {forms!r}; give a tuple of texts, such as ('mine:FILE',)"
    assert not subject.model.is_file or subject.model.path, (
        "it is_file, but path is None; give path = PrefixedPath('WORD:'), so that a path is found "
        "beside the experiment, and users see what a run of somebody else reads"
    )


def check_a_word_alone_is_refused(subject: ModelSubject) -> None:
    for form in subject.model.forms:
        word, colon, _ = form.partition(":")
        model = word + colon if colon else f"{word}:{ABSENT}"
        with _refusal(f"check() accepts {model!r}, which names no model", ValueError):
            subject.model.check(model)


def check_a_file_that_is_absent_is_said(subject: ModelSubject) -> None:
    if not subject.model.is_file:
        raise SkipTest("its models are no files")
    for word in dict.fromkeys(form.partition(":")[0] for form in subject.model.forms):
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
    for model, images in subject.cases():
        assert not model.module.training, "the module is in training mode; call eval()"
        width = model.count if isinstance(model, Classifier) else model.width
        shape = [*ask_model(model, images).shape]
        assert shape == [IMAGES, width], f"the module gave {shape}; expected {[IMAGES, width]}"
        labels = isinstance(model, Classifier) and model.labels
        assert not labels or len(labels) == width, f"{len(labels)} labels for {width} classes"


def check_neighbours_do_not_matter(subject: ModelSubject) -> None:
    import torch

    for model, images in subject.cases():
        whole = ask_model(model, images)
        alone = torch.cat([ask_model(model, image[None]) for image in images])
        apart = float((whole - alone).abs().max().detach())
        fault = f"an image's outputs differ by {apart:g} alone and among others"
        assert whole.allclose(alone, rtol=CLOSE, atol=CLOSE), f"{fault}; is a layer training?"


def check_a_model_loaded_again_is_the_same(subject: ModelSubject) -> None:
    for model in subject.loaded:
        for other in subject.load(model.name):
            if isinstance(model, Classifier) and isinstance(other, Classifier):
                same = model.digest() == other.digest()
                assert same, "loaded twice, it has another digest; no run could be resumed"


def check_gradients_pass(subject: ModelSubject) -> None:
    for model, images in subject.cases():
        if not model.differentiable:
            why = model.no_gradients if isinstance(model, Classifier) else None
            raise SkipTest(why or "it says that it has none")
        given = images.float().requires_grad_()
        expect_gradients(
            ask_model(model, given)[:, 0], given, "the module", "say so in no_gradients"
        )
