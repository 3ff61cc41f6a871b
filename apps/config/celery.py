"""The Celery application: `celery -A apps.config worker`."""

import logging.config
import os
from pathlib import Path

from celery import Celery, signals
from django.conf import settings

import apps.config.filebroker  # noqa: F401  registers the transport `files://`

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings.development")

app = Celery("likeness")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_configure.connect
def make_broker_folders(sender: Celery, **_: object) -> None:
    """The filesystem transport does not make its folders itself."""
    for name, value in (sender.conf.broker_transport_options or {}).items():
        if "folder" in name:
            Path(value).mkdir(parents=True, exist_ok=True)


@signals.setup_logging.connect
def log_as_django_does(**_: object) -> None:
    """Celery would otherwise set up handlers and levels of its own."""
    logging.config.dictConfig(settings.LOGGING)
