# The public names of neatfool.analysis, each where it is defined. This is their only list.

from .audit import audit as audit
from .audit import count_queries as count_queries
from .audit import kind_of_search as kind_of_search
from .card import Card as Card
from .class_names import match_classes as match_classes
from .detection import Detection as Detection
from .detection import detect as detect
from .survival import Survival as Survival
from .survival import survive as survive
from .survival_file import KeptSurvival as KeptSurvival
from .survival_file import keep_survival as keep_survival
from .survival_file import read_survival as read_survival
from .transfer import Transfer as Transfer
from .transfer import transfer as transfer

__all__: list[str]
