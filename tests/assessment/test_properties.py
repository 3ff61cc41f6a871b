"""Whatever people do in whatever order, the counts are those of a recount, and nothing is lost."""

import uuid

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assessment import services
from apps.assessment.models import Judgment
from apps.assessment.selectors import next_cards
from apps.common.errors import DomainError
from apps.studies.models import Study
from tests.factories import NOON
from tests.factories.assessment import make_open_study, tasks_of

pytestmark = pytest.mark.django_db

N_TASKS = 6
NUMBERS = st.integers(1, 8)  # few uuids, so that they meet
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("answer"),
            NUMBERS,
            st.integers(0, N_TASKS - 1),
            st.integers(1, 5),
            st.none() | NUMBERS,
        ),
        st.tuples(st.sampled_from(["close", "reopen"])),
    ),
    max_size=30,
)


class Model:
    """What should be there, in a few lines of Python."""

    def __init__(self) -> None:
        self.open = True
        self.known: dict[int, tuple] = {}  # body by uuid
        self.current: dict[int, int] = {}  # uuid by task
        self.order: list[int] = []

    def answer(self, number: int, task: int, level: int, revises: int | None) -> str:
        body = (task, level, revises)
        if number in self.known:
            return "again" if self.known[number] == body else "refused"
        if not self.open or self.current.get(task) != revises:
            return "refused"
        self.known[number] = body
        self.current[task] = number
        self.order.append(number)
        return "stored"


def test_any_sequence_of_answers_leaves_what_a_simple_model_says():
    participant = make_open_study()
    tasks = tasks_of(participant)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(steps=STEPS)
    def play(steps):
        with transaction.atomic():
            _play(steps, participant, tasks)
            transaction.set_rollback(True)

    play()


def _play(steps, participant, tasks) -> None:
    model = Model()
    for step in steps:
        if step[0] == "answer":
            _, number, task, level, revises = step
            try:
                with transaction.atomic():
                    recorded = services.record_judgment(
                        uuid=uuid.UUID(int=number),
                        task_id=tasks[task].uuid,
                        assessor=participant.user,
                        submitted_at=NOON,
                        level=level,
                        revises=revises and uuid.UUID(int=revises),
                    )
                outcome = "stored" if recorded.created else "again"
            except DomainError:
                outcome = "refused"
            assert outcome == model.answer(number, task, level, revises)
        else:
            model.open = step[0] == "reopen"
            Study.objects.update(state="open" if model.open else "closed")
    stored = Judgment.objects.order_by("id")
    assert [judgment.uuid.int for judgment in stored] == model.order
    assert [judgment.sequence for judgment in stored] == list(range(1, len(model.order) + 1))
    current = {tasks.index(own.task): own.uuid.int for own in Judgment.objects.current()}
    assert current == model.current
    participant.refresh_from_db()
    assert participant.n_done == len(model.current)
    assert services.recount_progress(study=participant.study) == 0
    Study.objects.update(state="open")
    participant.study.refresh_from_db()
    left = [tasks.index(card.task) for card in next_cards(participant=participant, limit=50)]
    assert left == [task for task in range(N_TASKS) if task not in model.current]
