"""Many assessors against the real program on this machine: how long "next" and "submit" take.

`make test-load`. Only 127.0.0.1 is asked, for half a minute per database.
"""

import http.client
import json
import os
import threading
import time
import uuid
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.journey]

PEOPLE = 20
SECONDS = 30
PAUSE = 1.0  # between two judgments of a person; people take about three seconds
TASKS_EACH = (20, 200)  # queries, candidates: as many pairs as in the reference study


class Assessor(threading.Thread):
    """One person: asks for the next pairs, judges one, waits, and so on."""

    def __init__(self, address: str, key: str, number: int, until: float) -> None:
        super().__init__()
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        self.headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"}
        self.number = number
        self.until = until
        self.next_ms: list[float] = []
        self.submit_ms: list[float] = []
        self.refused: list[tuple[int, bytes]] = []

    def ask(self, method: str, path: str, body: object = None) -> tuple[float, int, bytes]:
        started = time.monotonic()
        content = None if body is None else json.dumps(body)
        self.connection.request(method, path, content, self.headers)
        response = self.connection.getresponse()
        said = response.read()
        return (time.monotonic() - started) * 1_000, response.status, said

    def run(self) -> None:
        time.sleep(PAUSE * self.number / PEOPLE)
        while time.monotonic() < self.until:
            took, status, said = self.ask("GET", "/api/v1/assess/thorax/tasks/?limit=10")
            if status != 200:
                self.refused.append((status, said))
                continue
            self.next_ms.append(took)
            task = json.loads(said)["tasks"][0]["task_id"]
            took, status, said = self.ask(
                "PUT",
                f"/api/v1/judgments/{uuid.uuid4()}/",
                {"task_id": task, "level": 3, "active_ms": 900},
            )
            if status == 201:
                self.submit_ms.append(took)
            else:
                self.refused.append((status, said))
            time.sleep(PAUSE)
        self.connection.close()


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


@pytest.mark.parametrize("program", ["likeness_server", "likeness_on_servers"])
def test_judging_stays_quick_while_many_judge(program, request, capsys):
    program = request.getfixturevalue(program)
    queries, candidates = TASKS_EACH
    call = f"people={PEOPLE}, n_queries={queries}, n_candidates={candidates}"
    made = program.manage("shell", "-c", f"from tests.load.prepare import prepare; prepare({call})")
    keys = json.loads(made.stdout[made.stdout.index("[") :])
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    until = time.monotonic() + SECONDS
    people = [Assessor(program.base_url, key, number, until) for number, key in enumerate(keys)]
    for person in people:
        person.start()
    for person in people:
        person.join(timeout=SECONDS + 60)
    submits = [took for person in people for took in person.submit_ms]
    nexts = [took for person in people for took in person.next_ms]
    with capsys.disabled():
        for what, times in (("next", nexts), ("submit", submits)):
            shown = ", ".join(
                f"P{round(p * 100)} {percentile(times, p):.0f} ms" for p in (0.5, 0.95, 0.99)
            )
            print(f"\n{what}: {len(times)} calls, {shown}")  # noqa: T201  the measurement
    assert [refusal for person in people for refusal in person.refused] == []
    count = "from apps.assessment.models import Judgment; print(Judgment.objects.count())"
    stored = int(program.manage("shell", "-c", count).stdout.split()[-1])
    assert stored == PEOPLE * queries * candidates // 2 + len(submits)
    if busy:
        pytest.skip("nothing was lost; but the machine is busy, so its times say nothing")
    # The targets, here for twenty people at three times the usual pace.
    assert percentile(submits, 0.95) <= 200
    assert percentile(submits, 0.99) <= 500
    assert percentile(nexts, 0.95) <= 100
