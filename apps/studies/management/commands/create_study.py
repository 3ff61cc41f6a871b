from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.accounts.selectors import missing_groups
from apps.catalog.selectors import collection_named
from apps.common.commands import Command as BaseCommand
from apps.studies import selectors, services
from apps.studies.design import SLUG
from apps.studies.tables import InvalidDesignError
from apps.studies.toml import read_toml_file


def counted(n_queries: int) -> str:
    return "1 query" if n_queries == 1 else f"{n_queries} queries"


class Command(BaseCommand):
    help = "Make a study (a draft) from a study.toml. Next: build_pools, then plan_assignments."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="its short name, such as thorax-2026")
        parser.add_argument("--collection", metavar="COLLECTION", default="")
        parser.add_argument(
            "--from", metavar="study.toml", required=True, type=Path, dest="from_file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not SLUG.fullmatch(options["study"]) or len(options["study"]) > 60:
            raise InvalidDesignError(
                "STUDY must be small letters, digits and hyphens, such as thorax-2026 "
                f"(at most 60), not {options['study']!r}.",
                field="study",
            )
        design = read_toml_file(options["from_file"])
        named = options["collection"] or design.collection
        if not named:
            raise InvalidDesignError(
                "--collection is needed: the file names no collection.", field="collection"
            )
        collection = collection_named(slug=named)
        new_groups = missing_groups(
            name for category in design.categories for name in category.groups
        )
        study = services.create_study(
            design=design,
            collection=collection,
            slug=options["study"],
            created_at=timezone.now(),
            created_by=None,
        )
        for name in new_groups:
            self.stdout.write(f"Group {name} made.")
        row = selectors.study_named(slug=study.slug)
        for category in row.categories.all():
            groups = ", ".join(group.name for group in category.groups.all())
            asked = counted(category.queries.count())
            self.stdout.write(f"{category.name}: {asked}, judged by {groups}")
        for notice in selectors.notices_of(study=row):
            self.stdout.write(f"Note: {notice.text}")
        self.stdout.write(
            f"Study {study.slug} made on {collection.slug}: {counted(len(design.queries))}, "
            f"methods {', '.join(study.methods)}, depth {study.depth}."
        )
