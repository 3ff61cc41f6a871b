"""How long somebody waits for the explorer: from the question over HTTP to the whole answer."""

import io
import json
import tempfile
import time
import urllib.request
from typing import Any

import numpy as np

from apps.config.bench.program import manage, served
from apps.retrieval.bench import Measurement

ROWS = 100_000
SLUG = "explored"
ANSWER_SECONDS = 1
PAUSE_SECONDS = 0.05  # of the one who asks, as the page does
BESIDE = (("r_max", 512), ("cld", 16), ("ehd", 80))


def explorer(*, quick: bool) -> list[Measurement]:
    """A collection of 100,000 images, the real program with its explorer, a question at a time.

    Each time is that of the slowest question, but for the first, whose shards are compared with
    their checksums.
    """
    rounds = 5 if quick else 20
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        manage(folder, "prepare", "--no-demo")
        manage(folder, "shell", "-c", "from apps.config.bench.explorer import fill; fill()")
        key = manage(folder, "create_token", "root").split()[-1]
        with served(folder) as program:
            ask = _Asker(program.address, key)
            ask.until_the_explorer_is_there()
            first = ask.seconds(["r_sum"], at=0)
            one = [ask.seconds(["r_sum"], at=1 + number) for number in range(rounds)]
            methods = ["r_sum", *(name for name, _ in BESIDE)]
            ask.seconds(methods, at=500)
            several = [ask.seconds(methods, at=1000 + number) for number in range(rounds)]
    what = f"explorer, {ROWS:,} x 512"
    return [
        Measurement(f"{what}: first question after the start", first, "s"),
        Measurement(what, max(one), "s", f"<= {ANSWER_SECONDS}"),
        Measurement(f"{what}, with {' '.join(methods[1:])} beside", max(several), "s"),
    ]


class _Asker:
    """Somebody with a token and the page's patience."""

    def __init__(self, address: str, key: str) -> None:
        self.address = f"{address}api/v1/"
        self.headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"}

    def seconds(self, methods: list[str], *, at: int) -> float:
        started = time.perf_counter()
        body = {"image_id": f"{at:06d}", "methods": methods, "depth": 50}
        answer = self._call(f"collections/{SLUG}/explorations/", body)
        while answer["state"] in ("waiting", "running"):
            time.sleep(PAUSE_SECONDS)
            answer = self._call(f"explorations/{answer['id']}/")
        taken = time.perf_counter() - started
        if any(len(one["hits"]) != 50 for one in answer["methods"]):
            raise RuntimeError(f"The explorer did not answer: {answer}")
        return taken

    def until_the_explorer_is_there(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            workers = self._call("jobs/workers/")["workers"]
            if any(worker["queues"] == "explore" for worker in workers):
                return
            time.sleep(0.2)
        raise RuntimeError("The explorer did not start.")

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  our own program
            self.address + path, data=data, headers=self.headers
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)


def fill() -> None:
    """A collection with random spaces, in the data folder of the process that calls it."""
    from django.utils import timezone

    from apps.accounts.models import Role, User
    from apps.catalog.models import Collection, Image
    from apps.common.storage import publish
    from apps.retrieval.models import FeatureSpace, Shard

    now = timezone.now()
    User.objects.create_user("root", role=Role.ADMIN)
    collection = Collection.objects.create(slug=SLUG, name=SLUG, created_at=now)
    names = [f"{ordinal:06d}" for ordinal in range(ROWS)]
    Image.objects.bulk_create(
        (
            Image(collection=collection, image_id=name, file_name=name, ordinal=ordinal)
            for ordinal, name in enumerate(names)
        ),
        batch_size=2000,
    )
    rng = np.random.default_rng(0)
    for name, dimensions in (("r_sum", 512), *BESIDE):
        space = FeatureSpace.objects.create(
            collection=collection,
            name=name,
            version="random",
            dimensions=dimensions,
            rows=ROWS,
            created_at=now,
            completed_at=now,
        )
        for start in range(0, ROWS, 4096):
            rows = rng.random((min(4096, ROWS - start), dimensions), dtype=np.float32)
            content = io.BytesIO()
            np.save(content, rows, allow_pickle=False)
            content.seek(0)
            file = f"features/{name}/{start}.npy"
            Shard.objects.create(
                space=space,
                start=start,
                rows=len(rows),
                file=file,
                sha256=publish(file, content),
            )
