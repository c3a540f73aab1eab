"""Targets of the plugin http, made and closed by tests."""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from faulty_server import HEIGHT, WIDTH

from neatfool_plugins.http import Options, _target, service

SIZE = {"height": HEIGHT, "width": WIDTH, "channels": 1}
NAMING = {
    "body": {"inputs": "{image}"},
    "found_at": "@",
    "labels_at": "label",
    "scores_at": "score",
}
"""Options for an API that names labels, as Hugging Face's does."""


@contextmanager
def open_target(server, path="", give_up_after=service.GIVE_UP_AFTER, **options):
    """Make a target that asks the server's model, or one of its JSON APIs."""
    usual = SIZE if path else {"model": "patches"}
    usual |= {"url": server.url + path, "allow_private": True}
    with patch.object(service, "GIVE_UP_AFTER", give_up_after):
        target = _target(Options(**usual | options))
        try:
            yield target
        finally:
            target.close()


def random_images(count, channels=1, seed=0):
    """Make uint8 [count, C, 6, 8]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, channels, HEIGHT, WIDTH)).astype(np.uint8)
