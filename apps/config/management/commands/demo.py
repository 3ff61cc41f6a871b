"""`manage.py demo`: the demo study of `make run`, made by the same commands as any other."""

import os
import shutil
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.accounts.services import create_user_and_groups, random_password
from apps.catalog.selectors import collection_named
from apps.common.commands import Command as BaseCommand
from apps.config.demo import photographs
from apps.retrieval import registry
from apps.retrieval import selectors as retrieval
from apps.studies.methods import DEFAULT_METHODS
from apps.studies.models import Study

SLUG = "demo"
LOGINS = "demo_logins.txt"
# Both assessors belong to both groups, so that the common queries are judged twice.
PEOPLE: tuple[tuple[str, str, Role, tuple[str, ...]], ...] = (
    ("admin", "Admin", Role.ADMIN, ()),
    ("amina", "Amina", Role.ASSESSOR, ("ML", "CS")),
    ("bruno", "Bruno", Role.ASSESSOR, ("ML", "CS")),
)
CATEGORIES = {"Medical (Open)": "ML", "Open Domain": "CS"}
DEPTH = 10


class Command(BaseCommand):
    help = "Build the demo study: real photographs, features, pools and plan, but no judgment."

    def handle(self, *args: Any, **options: Any) -> None:
        make_people()
        study = Study.objects.filter(slug=SLUG).first()
        if study is not None and study.state != Study.State.DRAFT:
            return
        self.stdout.write("Building the demo study (once) ...")
        if study is None:
            # In the data folder, so that an import that was killed finds its files again.
            folder = settings.DATA / "demo"
            self._call("import_images", SLUG, photographs.cut_details(folder), "--create")
            self._call("extract_features", SLUG)
            plan = folder / "study.toml"
            plan.write_text(study_toml(), encoding="utf-8")
            self._call("create_study", SLUG, "--from", plan, "--collection", SLUG)
            shutil.rmtree(folder)
        self._call("build_pools", SLUG)
        self._call("plan_assignments", SLUG)

    def _call(self, command: str, *words: object) -> None:
        call_command(command, *map(str, words), stdout=self.stdout)


def make_people() -> None:
    """The accounts of the demo with random passwords, kept in a file that only its owner reads."""
    passwords = {
        username: random_password()
        for username, *_ in PEOPLE
        if not User.objects.filter(username=username).exists()
    }
    if not passwords:
        return
    path = settings.DATA / LOGINS
    known = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    lines = [f"{name:<8} {password}" for name, password in passwords.items()]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(known + lines) + "\n")
    for username, display_name, role, groups in PEOPLE:
        if username in passwords:
            create_user_and_groups(
                username=username,
                password=passwords[username],
                role=role,
                groups=list(groups),
                display_name=display_name,
                created_at=timezone.now(),
            )


def study_toml() -> str:
    """The demo's plan, with the reference study's methods that this machine could compute."""
    spaces = retrieval.spaces_of(collection=collection_named(slug=SLUG))
    ready = {space.name for space in spaces if space.state == "ready"}
    names = [name for name in DEFAULT_METHODS if registry.method_of(name=name).space in ready]
    methods = ", ".join(f'"{name}"' for name in names)
    lines = [
        'name = "Demo: details of photographs"',
        f'collection = "{SLUG}"',
        f"methods = [{methods}]",
        f"depth = {DEPTH}",
        "overlap = 0.10",
        "seed = 2017",
    ]
    for category, group in CATEGORIES.items():
        lines += ["", "[[category]]", f'name = "{category}"', f'groups = ["{group}"]']
    for query_id, category, image in photographs.QUERIES:
        lines += ["", "[[query]]", f'id = "{query_id}"', f'category = "{category}"']
        lines += [f'image = "{image}"']
    return "\n".join(lines) + "\n"
