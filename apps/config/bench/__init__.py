"""Measurements of the real program for `manage.py bench`."""

from apps.config.bench.explorer import explorer
from apps.config.bench.web import web_process

__all__ = ["explorer", "web_process"]
