"""linrep_core: the small package behind the textbook "Where Linear Representations Come From".

Read the modules in this order: `concepts`, `language`, `predictor`, `geometry`, `training`, `figures`. `TrainingLab`,
the lab as a Jupyter widget, is in `lab` and loaded when first asked for.
"""

from typing import TYPE_CHECKING, Any

from linrep_core.concepts import ConceptGraph
from linrep_core.geometry import LinearityReport, linearity
from linrep_core.language import LatentConditionalModel, Vocabulary
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.training import TrainingDiverged, TrainingRun, train

if TYPE_CHECKING:
    from linrep_core.lab import TrainingLab

__all__ = [
    "ConceptGraph",
    "LatentConditionalModel",
    "LinearityReport",
    "SoftmaxPredictor",
    "TrainingDiverged",
    "TrainingLab",
    "TrainingRun",
    "Vocabulary",
    "linearity",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load the widget only for those who use it: Jupyter's widget libraries take longer to import than all the rest."""
    if name == "TrainingLab":
        from linrep_core.lab import TrainingLab

        return TrainingLab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
