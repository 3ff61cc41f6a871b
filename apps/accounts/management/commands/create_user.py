import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import Role
from apps.common.commands import Command as BaseCommand
from apps.common.errors import InvalidError


class Command(BaseCommand):
    help = "Make an account. Without --password-stdin a password is made up and shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, default=Role.ASSESSOR)
        parser.add_argument(
            "--group", action="append", default=[], metavar="GROUP", dest="groups",
            help="expertise group; may be given several times; made when it does not exist",
        )  # fmt: skip
        parser.add_argument("--display-name", default="", metavar="NAME")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = options["password_stdin"]
        password = sys.stdin.readline().rstrip("\r\n") if given else services.random_password()
        if not password:
            raise InvalidError("standard input held no password.", field="password-stdin")
        user, made = services.create_user_and_groups(
            username=options["username"],
            password=password,
            role=options["role"],
            groups=options["groups"],
            display_name=options["display_name"],
            created_at=timezone.now(),
        )
        for name in made:
            self.stdout.write(f"Group {name} made.")
        self.stdout.write(f"User {user.username} made ({options['role']}).")
        if not given:
            self.stdout.write(f"Password, shown only now: {password}")
