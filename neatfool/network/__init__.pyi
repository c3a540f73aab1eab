# The public names of neatfool.network, each where it is defined. This is their only list.

from .devices import DeviceName as DeviceName
from .devices import is_out_of_memory as is_out_of_memory
from .devices import pick_device as pick_device
from .gradients import gradients_of as gradients_of
from .gradients import odds_and_gradients as odds_and_gradients

__all__: list[str]
