import io

import pytest
from django.core.management.base import CommandError

from apps.common.errors import InvalidError
from apps.jobs import commands, services
from apps.jobs.models import State
from tests.factories import NOON
from tests.factories.jobs import behaviour, kinds_of_tests, make_job, ran

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds():
    with kinds_of_tests():
        yield


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_command_does_the_parts_itself_and_shows_the_end():
    out = io.StringIO()
    job = commands.follow(job=make_job("a", "b"), stdout=out)
    assert (job.state, ran) == (State.DONE, ["a", "b", "finish"])
    lines = out.getvalue().splitlines()
    assert lines[0] == "Test 0% 0/20 parts"
    assert lines[-1].startswith("Test 100% 20/20 parts, ")


def test_a_terminal_gets_a_bar_drawn_in_place():
    out = Terminal()
    commands.follow(job=make_job("a"), stdout=out)
    drawn = out.getvalue()
    assert drawn.startswith("\rTest [" + "-" * 30 + "] 0% 0/10 parts")
    assert "\rTest [" + "#" * 30 + "] 100% 10/10 parts" in drawn
    assert drawn.endswith("\n")
    assert drawn.count("\n") == 1


@pytest.mark.parametrize("at", ["a", "finish"])
def test_a_failed_job_ends_the_command_with_its_sentence(at):
    def fail(*args):
        raise InvalidError("No weights were found.")

    behaviour[at] = fail
    with pytest.raises(CommandError, match="No weights were found") as refusal:
        commands.follow(job=make_job("a"), stdout=io.StringIO())
    assert refusal.value.returncode == 1


def test_a_cancelled_job_ends_the_command():
    behaviour["a"] = lambda part, progress: services.cancel_job(job=part.job, now=NOON) and None
    with pytest.raises(CommandError, match="was cancelled"):
        commands.follow(job=make_job("a"), stdout=io.StringIO())


def test_ctrl_c_gives_the_part_back_and_says_how_to_go_on():
    def interrupted(part, progress):
        raise KeyboardInterrupt

    behaviour["b"] = interrupted
    job = make_job("a", "b")
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        commands.follow(job=job, stdout=out)
    assert ended.value.code == 130
    assert "run the same command again to go on" in out.getvalue().splitlines()[-1]
    part = job.parts.get(key="b")
    assert (part.state, part.attempts, part.leased_until) == (State.PENDING, 0, None)
    behaviour.clear()
    job.refresh_from_db()
    assert commands.follow(job=job, stdout=io.StringIO()).state == State.DONE
    assert ran == ["a", "b", "b", "finish"]


@pytest.mark.parametrize(
    ("done", "total", "rate", "bar", "line"),
    [
        pytest.param(0, 0, 0, False, "Work 100% 0/0 images", id="nothing to do"),
        pytest.param(
            400, 1000, 80.0, False, "Work 40% 400/1,000 images, 80.0/s, 8 s left", id="under way"
        ),
        pytest.param(
            1, 10_000, 1.0, False, "Work 0% 1/10,000 images, 1.0/s, 2 h 47 min left", id="hours"
        ),
        pytest.param(5, 10, 0, True, f"Work [{'#' * 15}{'-' * 15}] 50% 5/10 images", id="a bar"),
        pytest.param(10, 10, 2.5, False, "Work 100% 10/10 images, 2.5/s", id="the end"),
    ],
)
def test_the_line_of_progress(done, total, rate, bar, line):
    assert (
        commands.progress_line(
            title="Work", unit="images", done=done, total=total, rate=rate, bar=bar
        )
        == line
    )
