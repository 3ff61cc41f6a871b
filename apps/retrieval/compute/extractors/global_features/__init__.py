"""Descriptors of colour, edges and texture that need no weights, and `gf`, five of them in one."""

from apps.retrieval.compute.extractors.global_features.extractor import GlobalFeatures

__all__ = ["GlobalFeatures"]
