"""Many assessors at once against the real program: nothing is lost, doubled or refused.

How fast it is, is `make bench`'s business; here times are only printed.
"""

import statistics
import sys
import threading
import time
import uuid

import pytest

from apps.config.demo import photographs
from tests.journeys.client import Client

pytestmark = [pytest.mark.journey, pytest.mark.slow]

N_ASSESSORS = 16
JUDGMENTS_EACH = 15
# In one process: a command each would take longer than the test.
MAKE_ASSESSORS = f"""
from django.utils import timezone
from apps.accounts.services import create_user_and_groups, make_token
for number in range({N_ASSESSORS}):
    user, _ = create_user_and_groups(
        username=f"person{{number:02d}}", password="a long pass phrase", role="assessor",
        groups=["CS"], display_name="", created_at=timezone.now(),
    )
    print(make_token(user=user, at=timezone.now()).split()[-1])
"""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("likeness_server", id="SQLite and files"),
        pytest.param("likeness_on_servers", id="PostgreSQL, Redis, two workers"),
    ],
)
def open_study(request, tmp_path_factory):
    """The program with a study that every assessor is to judge all of."""
    program = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("details")
    photographs.cut_details(folder)
    program.manage("create_user", "root", "--role", "admin")
    keys = program.manage("shell", "--verbosity", "0", "-c", MAKE_ASSESSORS).stdout.split()
    assert len(keys) == N_ASSESSORS
    program.manage("import_images", "details", folder / "coins", "--create")
    program.manage("extract_features", "details", "--space", "cld", "--space", "ehd")
    admin = Client(program, "root")
    images = admin.get("collections/details/images/?page_size=4")["results"]
    design = {
        "name": "Load",
        "slug": "load",
        "collection": "details",
        "methods": ["cld", "ehd"],
        "depth": 10,
        "overlap": 1.0,  # all queries are common
        "categories": [{"name": "Open", "groups": ["CS"]}],
        "queries": [
            {"id": f"q{n}", "category": "Open", "image": image["image_id"]}
            for n, image in enumerate(images)
        ],
    }
    admin.post("studies/", {"design": design}, status=201)
    program.manage("build_pools", "load")
    program.manage("plan_assignments", "load")
    return admin, [Client(program, "", key=key) for key in keys]


def test_many_assessors_at_once(open_study):
    admin, assessors = open_study
    start = threading.Barrier(N_ASSESSORS)
    seconds: list[float] = []
    failures: list[object] = []

    def judge(assessor: Client) -> None:
        start.wait(timeout=60)
        for number in range(JUDGMENTS_EACH):
            [task] = assessor.get("assess/load/tasks/?limit=1")["tasks"]
            body = {"task_id": task["task_id"], "level": number % 5 + 1, "active_ms": 700}
            began = time.perf_counter()
            status, answer = assessor.call("PUT", f"judgments/{uuid.uuid4()}/", body)
            seconds.append(time.perf_counter() - began)
            if status != 201:
                failures.append((status, answer))

    threads = [threading.Thread(target=judge, args=(assessor,)) for assessor in assessors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert failures == []
    assert len(seconds) == N_ASSESSORS * JUDGMENTS_EACH
    monitor = admin.get("studies/load/monitor/")
    assert monitor["done"] == N_ASSESSORS * JUDGMENTS_EACH
    assert {row["done"] for row in monitor["assessors"]} == {JUDGMENTS_EACH}
    p50, p95 = (statistics.quantiles(seconds, n=20)[at] for at in (9, 18))
    sys.stderr.write(f"\nsubmit: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms\n")
