"""Networks that Keras and TensorFlow.js have saved, which PyTorch computes without TensorFlow."""

from pathlib import Path

from neatfool import PrefixedPath, Register, hookimpl, models


class Keras(models.ClassifierFormat):
    """What ``model.save`` of Keras wrote. It may not say how images are scaled."""

    forms = ("keras:FILE",)
    path = PrefixedPath("keras:")
    endings = (".keras", ".h5")

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        models.need("keras", extra="keras")
        from .layers import open_keras

        return models.load_file(open_keras(Path(name).expanduser()), request, must_scale=True)


class TensorflowJs(models.ClassifierFormat):
    """The model.json of TensorFlow.js, beside the files of its weights."""

    forms = ("tfjs:FILE",)
    path = PrefixedPath("tfjs:")
    endings = (".json",)

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        from .javascript import open_javascript

        return models.load_file(open_javascript(Path(name).expanduser()), request, must_scale=True)


@hookimpl
def neatfool_register_models(register: Register) -> None:
    """Register both formats."""
    register("keras", Keras)
    register("tfjs", TensorflowJs)
