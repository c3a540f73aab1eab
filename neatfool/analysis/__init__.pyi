# The public names of neatfool.analysis, each where it is defined. This is their only list.

from .ablation.measure import ablate as ablate
from .ablation.finding import Ablation as Ablation
from .accepted import AcceptedShare as AcceptedShare
from .auditing.audit import audit as audit
from .auditing.audit import check_threshold_known as check_threshold_known
from .auditing.audit import kind_of_search as kind_of_search
from .auditing.card import Card as Card
from .auditing.card import Longer as Longer
from .comparison.finding import Comparison as Comparison
from .comparison.measure import compare as compare
from .detection import Detection as Detection
from .detection import detect as detect
from .diversity import Diversity as Diversity
from .diversity import diversity as diversity
from .lineage.fracture import Sweeps as Sweeps
from .lineage.fracture import sweep_genome as sweep_genome
from .lineage.fracture import sweep_weights as sweep_weights
from .lineage.kinds import GoalSwitches as GoalSwitches
from .lineage.kinds import goal_switches as goal_switches
from .lineage.finding import Ancestry as Ancestry
from .ablation.repetition import find_repetition as find_repetition
from .survival.finding import Survival as Survival
from .survival.measure import survive as survive
from .survival.finding import KeptSurvival as KeptSurvival
from .survival.finding import keep_survival as keep_survival
from .survival.finding import read_survival as read_survival
from .answers import CHOICES as CHOICES
from .answers import NOTHING as NOTHING
from .recognition import Recognition as Recognition
from .recognition import recognise as recognise
from .auditing.references import read_card as read_card
from .sureness import count_queries as count_queries
from .sureness import find_reached as find_reached
from .sureness import images_of_nothing as images_of_nothing
from .sureness import match_temperature as match_temperature
from .lineage.measure import ancestry as ancestry
from .transferability.finding import Transfer as Transfer
from .transferability.measure import transfer as transfer
from .ablation.weighing import weigh_graph as weigh_graph
from .ablation.weighing import without_connection as without_connection
from .ablation.weighing import without_node as without_node

__all__: list[str]
