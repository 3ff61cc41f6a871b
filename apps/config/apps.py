from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.config.safety import unsafe_settings


class ConfigConfig(AppConfig):
    """The composition root: commands that use several rooms live here."""

    name = "apps.config"
    label = "config"

    def ready(self) -> None:
        if settings.ONLY_SAFE_SETTINGS and (sentences := unsafe_settings(settings)):
            raise ImproperlyConfigured(" ".join(sentences))
