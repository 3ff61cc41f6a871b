"""What all commands share: refusals become one sentence and exit status 1."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.errors import DomainError


class Command(BaseCommand):
    """A management command whose refusals are printed as one sentence, without a traceback."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DomainError as error:
            raise CommandError(str(error)) from error
