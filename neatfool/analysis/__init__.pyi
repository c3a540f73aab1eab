# The public names of neatfool.analysis, each where it is defined. This is their only list.

from .detection import Detection as Detection
from .detection import detect as detect
from .survival import Survival as Survival
from .survival import keep_survival as keep_survival
from .survival import survive as survive

__all__: list[str]
