"""HTTP: look up, one service call, answer."""

from apps.retrieval.views.spaces_and_pools import MethodsView, PoolsView, SpacesView

__all__ = ["MethodsView", "PoolsView", "SpacesView"]
