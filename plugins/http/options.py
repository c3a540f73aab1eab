"""The options of the target ``http``: those of both protocols, of which an experiment uses one."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import model_validator

from .client.options import ConnectionOptions, ServiceOptions
from .client.places import KEY_PLACE, has_place
from .json_api.options import JsonOptions
from .open_inference.options import OpenInferenceOptions

_SHARED: Final = {*ServiceOptions.model_fields, *ConnectionOptions.model_fields}


class Options(ConnectionOptions, JsonOptions, OpenInferenceOptions):
    """Options of the target ``http``.

    Attributes:
        metered: Asking costs something: `bench` and `serve` refuse it before it connects.
    """

    metered: ClassVar[bool] = True

    def list_key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        return super().list_key_places() + ["body"] * has_place(self.body, KEY_PLACE)

    @model_validator(mode="after")
    def _check_together(self) -> Options:
        self.check_connection()
        is_json = self.protocol == "json"
        other = OpenInferenceOptions if is_json else JsonOptions
        for name, field in other.model_fields.items():
            if name not in _SHARED and getattr(self, name) != field.default:
                raise ValueError(
                    f"{name} is not for protocol = {self.protocol}; leave it out, or change "
                    "protocol"
                )
        if is_json:
            self.check_json()
        else:
            self.check_open_inference()
        return self
