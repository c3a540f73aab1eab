# The public names of neatfool.analysis, each where it is defined. This is their only list.

from .ablating import ablate as ablate
from .ablation import Ablation as Ablation
from .audit import audit as audit
from .audit import count_queries as count_queries
from .audit import kind_of_search as kind_of_search
from .card import Card as Card
from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .detection import Detection as Detection
from .detection import detect as detect
from .diversity import Diversity as Diversity
from .diversity import diversity as diversity
from .goal_switches import GoalSwitches as GoalSwitches
from .goal_switches import goal_switches as goal_switches
from .lineage import Ancestry as Ancestry
from .repetition import find_repetition as find_repetition
from .survival import Survival as Survival
from .survival import survive as survive
from .survival_file import KeptSurvival as KeptSurvival
from .survival_file import keep_survival as keep_survival
from .survival_file import read_survival as read_survival
from .tracing import ancestry as ancestry
from .transfer import Transfer as Transfer
from .transfer import transfer as transfer
from .weighing import weigh_graph as weigh_graph
from .weighing import without_connection as without_connection
from .weighing import without_node as without_node

__all__: list[str]
