"""Figures as files. The renderer weighs more than the web process may: it runs beside it."""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.analytics.figures import EXPORT_CONFIG
from apps.common.errors import UnavailableError

FORMATS = ("svg", "png", "pdf")
CONTENT_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "vl.json": "application/json",
}
SECONDS = 120
_CHILD = Path(__file__).with_name("render_child.py")


class RenderingError(UnavailableError):
    """The renderer failed or took too long."""

    code = "rendering_failed"


def render(*, jobs: Sequence[tuple[dict[str, Any], str]]) -> list[bytes]:
    """Render (spec, format) pairs in one child process, in their order.

    Raises:
        RenderingError: the child failed or took longer than `SECONDS`.
    """
    if not jobs:
        return []
    request = {
        "config": EXPORT_CONFIG,
        "jobs": [{"spec": spec, "format": kind} for spec, kind in jobs],
    }
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter and our own file
            [sys.executable, "-I", str(_CHILD)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise RenderingError(f"Drawing the figures took longer than {SECONDS} s.") from error
    except (subprocess.CalledProcessError, OSError) as error:
        raise RenderingError("The figures could not be drawn: the renderer failed.") from error
    return [base64.b64decode(text) for text in json.loads(done.stdout)["results"]]


def spec_text(spec: dict[str, Any]) -> str:
    """A specification as a file."""
    return json.dumps(spec, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
