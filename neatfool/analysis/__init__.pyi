# The public names of neatfool.analysis, each where it is defined. This is their only list.

from .class_names import match_classes as match_classes
from .survival import Survival as Survival
from .survival import keep_survival as keep_survival
from .survival import survive as survive

__all__: list[str]
