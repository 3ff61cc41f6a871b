"""Measurements of this room for `manage.py bench`: ratios within one run, and some times.

One module a theme; the command names the functions by dotted path.
"""

from apps.retrieval.bench.base import Measurement, quickest

__all__ = ["Measurement", "quickest"]
