"""Checks of the exercises of Part I, The model."""

from __future__ import annotations

from linrep_core.concepts import ConceptGraph
from linrep_core.exercises.checking import Mistake, Number, answer
from linrep_core.language import LatentConditionalModel


def _share_of_zeros(n_concepts: int) -> float:
    """How much of the table p(y | x) is zero; the same for all graphs without impossible tokens."""
    model = LatentConditionalModel(ConceptGraph.random(n_concepts, 0.5, seed=0))
    return float((model.next_token_distribution() == 0).mean())


answer(
    "ex-count",
    asks="the share of zeros in the table p(y | x) of six concepts, between 0 and 1",
    kind=Number(),
    right=lambda: _share_of_zeros(6),
    mistakes=[
        Mistake(lambda: (2 / 3) ** 6, "that is the share of entries that are not zero"),
        Mistake(lambda: 1 - 2 / 3, "that is the share for one concept; with six, all six must agree"),
    ],
    because="It tends to 1: nearly all that a large world teaches is what cannot follow.",
)
