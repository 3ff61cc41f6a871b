"""A study with real photographs that is ready to be judged in a browser.

`manage.py shell -c "from tests.factories.judging import seed_judging; seed_judging()"` writes it
into the database of a running program.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from apps.accounts.models import Role, User
from apps.assessment.models import Participant
from apps.catalog.imaging import make_picture
from apps.catalog.models import Image
from apps.catalog.services.images import Keeper
from apps.config.demo.photographs import cut_details
from apps.retrieval.models import PoolEntry, PoolSource
from apps.studies.models import Study
from tests.factories import make_category, make_collection, make_query, make_study, make_user
from tests.factories.assessment import make_participant

GUIDELINES = """\
Judge what the images **show**, not how they were taken.

* Same organ or object, same finding: 5.
* Same organ or object, other finding: 3 or 4.
* They only look alike: 2.
"""


def _details(folder: Path) -> list[Path]:
    """Details of the demo's photographs, tall and wide ones, in an order that mixes subjects."""
    cut_details(folder)
    paths = sorted(folder.rglob("*.jpg"))
    for number, path in enumerate(paths):
        if number % 3 == 0:  # most details are wide: every third becomes tall
            with Pillow.open(path) as opened:
                side = opened.width // 4
                opened.crop((side, 0, opened.width - side, opened.height)).save(path, quality=90)
    return [paths[place] for place in np.random.default_rng(7).permutation(len(paths))]


def seed_judging(
    slug: str = "thorax", *, n_queries: int = 3, n_candidates: int = 20, username: str = "ada"
) -> Participant:
    """An open study in two categories; `username` (password "a long password") judges all of it.

    Also an admin `root` with the same password. Query q has the images after it as candidates.
    """
    study = make_study(
        slug,
        name="Photographs",
        collection=make_collection(f"{slug}-images"),
        state=Study.State.OPEN,
        depth=n_candidates,
        ranking_depth=500,
    )
    n_images = n_queries + n_candidates
    images = [
        Image(
            collection=study.collection,
            image_id=f"{ordinal:04d}.jpg",
            file_name=f"{ordinal:04d}.jpg",
            ordinal=ordinal,
        )
        for ordinal in range(n_images)
    ]
    with tempfile.TemporaryDirectory() as folder, Keeper() as keeper:
        for image, path in zip(images, _details(Path(folder)), strict=False):
            content = path.read_bytes()
            picture = make_picture(content, max_pixels=10_000_000)
            fields = keeper.keep(content=content, picture=picture, uuid=image.uuid)
            for field, value in fields.items():
                setattr(image, field, value)
    Image.objects.bulk_create(images)
    categories = [make_category(study, name) for name in ("Medical (Open)", "Open Domain")]
    for category in categories:
        category.guidelines = GUIDELINES
        category.save()
    for number in range(n_queries):
        query = make_query(categories[number % 2], f"q{number:03d}", images[number])
        for rank in range(1, n_candidates + 1):
            entry = PoolEntry.objects.create(query=query, image=images[number + rank])
            PoolSource.objects.create(entry=entry, method="cld", rank=rank, score=-float(rank))
    if not User.objects.filter(username="root").exists():
        make_user("root", role=Role.ADMIN)
    return make_participant(study, make_user(username, groups=("CS",)))
