"""HTTP: look up, one service call, answer."""

from apps.retrieval.views.spaces_and_pools import (
    FusionKindsView,
    MethodsView,
    PoolsView,
    SpacesView,
)

__all__ = ["FusionKindsView", "MethodsView", "PoolsView", "SpacesView"]
