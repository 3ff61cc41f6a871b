"""A container's health check: exit status 0 when it is well, else 1 and a line that says why.

python deploy/probe.py http://127.0.0.1:8000/api/v1/health/   answers this page with 200?
python deploy/probe.py /tmp/alive     was this file touched in the last minute?
"""

import os
import sys
import time
import urllib.error
import urllib.request

SILENT_SECONDS = 60


def why_not(place: str) -> str:
    """Empty when all is well."""
    if not place.startswith("http"):
        try:
            silent = time.time() - os.stat(place).st_mtime
        except FileNotFoundError:
            return f"{place} is not there: not started yet?"
        return f"silent for {silent:.0f} s" if silent > SILENT_SECONDS else ""
    # Django answers only to the site's own name.
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    request = urllib.request.Request(place, headers={"Host": host})  # noqa: S310  ours
    try:
        with urllib.request.urlopen(request, timeout=8) as answer:  # noqa: S310
            return "" if answer.status == 200 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}: {error.read(500).decode(errors='replace')}"
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    if reason := why_not(sys.argv[1]):
        sys.exit(reason)
