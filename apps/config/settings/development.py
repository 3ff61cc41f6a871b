"""One machine, 127.0.0.1 only: what `make run` uses."""

import os
import secrets

from apps.config.settings.base import *  # noqa: F403  settings modules extend one another
from apps.config.settings.base import DATA, SECRET_KEY


def _kept_secret() -> str:
    """Make a key on the first start and keep it in the data folder, readable by its owner only."""
    path = DATA / "secret_key"
    DATA.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(64))
    return key


SECRET_KEY = SECRET_KEY or _kept_secret()
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
