"""linrep_core: the small package behind the textbook "Where Linear Representations Come From".

Read the modules in this order: `concepts`, `language`, `predictor`, `geometry`, `training`, `figures`.
"""

from linrep_core.concepts import ConceptGraph
from linrep_core.geometry import LinearityReport, linearity
from linrep_core.language import LatentConditionalModel, Vocabulary
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.training import TrainingDiverged, TrainingRun, train

__all__ = [
    "ConceptGraph",
    "LatentConditionalModel",
    "LinearityReport",
    "SoftmaxPredictor",
    "TrainingDiverged",
    "TrainingRun",
    "Vocabulary",
    "linearity",
    "train",
]
