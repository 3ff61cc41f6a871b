"""HTTP: look up, one service call, answer."""

from apps.retrieval.views.explorations import (
    ExplorationImageView,
    ExplorationsView,
    ExplorationView,
)
from apps.retrieval.views.screening import (
    ScreeningImagesView,
    ScreeningLabelsView,
    ScreeningView,
)
from apps.retrieval.views.spaces_and_pools import (
    FusionKindsView,
    MethodsView,
    PoolsView,
    SpacesView,
)

__all__ = [
    "ExplorationImageView",
    "ExplorationView",
    "ExplorationsView",
    "FusionKindsView",
    "MethodsView",
    "PoolsView",
    "ScreeningImagesView",
    "ScreeningLabelsView",
    "ScreeningView",
    "SpacesView",
]
