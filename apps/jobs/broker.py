"""The broker, asked once: a page that waits for its answer must not wait for retries."""

from celery import current_app
from kombu import Connection

ONE_ATTEMPT = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}


def broker_asked_once() -> Connection:
    """A connection, not opened yet, that gives up at the first failure. Close it after use."""
    broker = current_app.connection_for_write()
    broker.transport_options = {**(broker.transport_options or {}), **ONE_ATTEMPT}
    return broker
