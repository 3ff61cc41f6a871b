from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.accounts import selectors, services
from apps.common.commands import Command as BaseCommand


class Command(BaseCommand):
    help = "Make a key for scripts (Authorization: Token KEY); an older key stops working."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USER")

    def handle(self, *args: Any, **options: Any) -> None:
        user = selectors.active_user_named(username=options["username"])
        self.stdout.write(services.make_token(user=user, at=timezone.now()))
