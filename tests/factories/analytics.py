"""Studies with rankings, pools, assessors and judgments, written straight into the tables."""

from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np

from apps.accounts.models import User
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.catalog.models import Caption, Image
from apps.common.statistics import refresh_statistics
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.studies.models import Query, Study
from tests.factories import NOON, make_category, make_collection, make_query, make_study


def add_ranking(query: Query, method: str, image_ids: list[str], scores=None) -> Ranking:
    """Scores are -1, -2, ... unless given."""
    of_id = {image.image_id: image.pk for image in query.study.collection.images.all()}
    return Ranking.objects.create(
        query=query,
        method=method,
        images=[of_id[image_id] for image_id in image_ids],
        scores=scores or [-float(rank) for rank in range(1, len(image_ids) + 1)],
        version=f"{method}-1",
    )


def pool(query: Query) -> None:
    """The union of the rankings' first `depth`, with the ledger."""
    for ranking in query.rankings.all():
        top = list(zip(ranking.images, ranking.scores, strict=True))[: query.study.depth]
        for rank, (image, score) in enumerate(top, start=1):
            entry, _ = PoolEntry.objects.get_or_create(query=query, image_id=image)
            PoolSource.objects.create(entry=entry, method=ranking.method, rank=rank, score=score)


def add_participant(study: Study, pseudonym: str, *, groups=("CS",), simulated=False):
    user = User.objects.create(
        username=f"{study.slug}-{pseudonym}",
        display_name=f"Doctor {pseudonym}",
        is_simulated=simulated,
    )
    return Participant.objects.create(
        study=study, user=user, pseudonym=pseudonym, groups=list(groups)
    )


def assign(participant: Participant, query: Query, *, common=False) -> Assignment:
    assignment = Assignment.objects.create(
        participant=participant,
        query=query,
        common=common,
        position=participant.assignments.count(),
    )
    for position, entry in enumerate(query.pool.order_by("pk")):
        Task.objects.create(assignment=assignment, entry=entry, position=position)
    return assignment


def judge(participant: Participant, query: Query, image_id: str, level, **fields) -> Judgment:
    """`level` is a level or the reason why the pair is unjudgeable; judging again revises."""
    task = Task.objects.get(
        assignment__participant=participant,
        assignment__query=query,
        entry__image__image_id=image_id,
    )
    before = task.judgments.current().first()
    n = Judgment.objects.filter(task__assignment__participant=participant).count() + 1
    total = Judgment.objects.count()
    verdict = {"level": level} if isinstance(level, int) else {"unjudgeable": level}
    defaults = {
        "uuid": UUID(int=total + 1),
        "submitted_at": NOON + timedelta(seconds=total),
        "sequence": n,
        "revision": before.revision + 1 if before else 1,
        "revises": before,
        **verdict,
    }
    return Judgment.objects.create(task=task, participant=participant, **(defaults | fields))


def make_judged_study(slug: str = "thorax", *, judged: bool = True) -> Study:
    """Two categories, three queries, two methods, two assessors, every pair judged by both.

    Levels by hand; the ledger: cld and ehd both find 0001, 0002 of q1.
    """
    study = make_study(slug, collection=make_collection(f"{slug}-images", n_images=8))
    image = {
        image.image_id[:4]: image for image in Image.objects.filter(collection=study.collection)
    }
    open_domain = make_category(study, "Open Domain")
    medical = make_category(study, "Medical (Open)", groups=("CS", "ML"))
    queries = {
        "q1": make_query(open_domain, "q1", image["0000"]),
        "q2": make_query(open_domain, "q2", image["0003"]),
        "q3": make_query(medical, "q3", image["0007"]),
    }
    lists = {
        ("q1", "cld"): "1 2 4",
        ("q1", "ehd"): "2 1 5",
        ("q2", "cld"): "1 2 5",
        ("q2", "ehd"): "4 6 7",
        ("q3", "cld"): "1 2 3",
        ("q3", "ehd"): "1 2 3",
    }
    for (query_id, method), found in lists.items():
        add_ranking(queries[query_id], method, [f"000{n}.png" for n in found.split()])
    for query in queries.values():
        pool(query)
    levels = {
        "q1": {"1": (5, 4), "2": (2, 3), "4": (1, 1), "5": (3, 3)},
        "q2": {"1": (1, 2), "2": (1, 1), "5": (4, 1), "4": (5, 5), "6": (3, 2), "7": (2, 2)},
        "q3": {"1": (4, 4), "2": (1, 2), "3": (5, 2)},
    }
    for place, name in enumerate(("A01", "A02")):
        participant = add_participant(study, name)
        for query_id, query in queries.items():
            assign(participant, query, common=True)
            for found, pair in levels[query_id].items() if judged else ():
                judge(participant, query, f"000{found}.png", pair[place])
    study.state = Study.State.OPEN
    study.save()
    return study


def make_big_study(
    slug: str = "big",
    *,
    n_queries: int = 200,
    n_judgments: int = 45_360,
    n_methods: int = 5,
    depth: int = 500,
) -> Study:
    """The size of the paper's study: 200 queries in four categories, 20 assessors, 10 % common."""
    rng = np.random.default_rng(2017)
    methods = [f"method_{number}" for number in range(n_methods)]
    study = make_study(
        slug, collection=make_collection(slug, n_images=5_000), methods=methods, depth=50
    )
    images = list(Image.objects.filter(collection=study.collection).order_by("ordinal"))
    pks = np.array([image.pk for image in images])
    categories = [make_category(study, f"Category {number}") for number in range(4)]
    queries = Query.objects.bulk_create(
        Query(
            study=study,
            category=categories[number % 4],
            query_id=f"q{number:04d}",
            position=number,
            image=images[number],
        )
        for number in range(n_queries)
    )
    participants = [add_participant(study, f"A{number:02d}") for number in range(20)]
    found: dict[int, dict[int, list[tuple[str, int]]]] = {}
    rankings = []
    for query in queries:
        pool_of = found.setdefault(query.pk, {})
        near = rng.permutation(len(pks))[: 2 * depth]
        for method in methods:
            top = pks[rng.permutation(near)[:depth]].tolist()
            rankings.append(
                Ranking(
                    query=query,
                    method=method,
                    images=top,
                    scores=[-float(rank) for rank in range(depth)],
                )
            )
            for rank, image in enumerate(top[: study.depth], start=1):
                pool_of.setdefault(image, []).append((method, rank))
    Ranking.objects.bulk_create(rankings, batch_size=100)
    entries = PoolEntry.objects.bulk_create(
        (PoolEntry(query_id=query, image_id=image) for query in found for image in found[query]),
        batch_size=5_000,
    )
    PoolSource.objects.bulk_create(
        (
            PoolSource(entry=entry, method=method, rank=rank, score=-float(rank))
            for entry in entries
            for method, rank in found[entry.query_id][entry.image_id]
        ),
        batch_size=5_000,
    )
    assignments: list[Assignment] = []
    for number, query in enumerate(queries):
        common = number % 10 < 1
        chosen = range(20) if common else [number % 20]
        if common:
            chosen = range(number // 10 % 4, 20, 4)
        assignments.extend(
            Assignment(participant=participants[who], query=query, common=common, position=number)
            for who in chosen
        )
    assignments = Assignment.objects.bulk_create(assignments)
    of_query: dict[int, list[PoolEntry]] = {}
    for entry in entries:
        of_query.setdefault(entry.query_id, []).append(entry)
    tasks = Task.objects.bulk_create(
        (
            Task(assignment=assignment, entry=entry, position=position)
            for assignment in assignments
            for position, entry in enumerate(of_query[assignment.query_id])
        ),
        batch_size=5_000,
    )
    study_namespace = uuid5(NAMESPACE_URL, study.slug)
    levels = rng.integers(1, 6, size=n_judgments).tolist()
    Judgment.objects.bulk_create(
        (
            Judgment(
                uuid=uuid5(study_namespace, str(number)),
                task=task,
                participant=task.assignment.participant,
                level=level,
                submitted_at=NOON,
                sequence=number + 1,
            )
            for number, (task, level) in enumerate(zip(tasks, levels, strict=False))
        ),
        batch_size=5_000,
    )
    refresh_statistics(Assignment, Judgment, PoolEntry, PoolSource, Ranking, Task)
    return study


def make_awkward_study(slug: str = "awkward") -> Study:
    """Everything that is hard to write down and read back.

    Revisions, unjudgeable pairs, ties, unused people, texts in many scripts and texts that a
    spreadsheet would run, white space and percent signs in names, a query from outside, pairs
    that no method found, an unfinished assignment, a study that is simulated.
    """
    collection = make_collection(f"{slug}-images")
    names = ["=1+1.png", "ein Bild.png", "50%25.png", "ünïcode 画像.png", "-5.png", 'a,b"c.png']
    images = Image.objects.bulk_create(
        Image(
            collection=collection,
            image_id=name,
            file_name=name,
            ordinal=ordinal,
            sha256=f"{ordinal + 1:064x}" if ordinal else "",
            width=64 if ordinal else None,
            height=48 if ordinal else None,
            excluded="multipanel" if ordinal == 5 else "",
            metadata={"label": "=cmd", "b": [1, 2.5], "a": None} if ordinal == 1 else {},
        )
        for ordinal, name in enumerate(names)
    )
    outside = Image.objects.create(collection=collection, image_id="@outside", file_name="q.png")
    Image.objects.create(collection=collection, image_id="other study's query", file_name="x")
    Caption.objects.create(image=images[0], position=0, text="second, by letters")
    Caption.objects.create(image=images[0], position=1, text="\tfirst: tab\r\nand 'two' lines")
    Caption.objects.create(image=images[3], position=0, text="'=already quoted")
    study = make_study(
        slug,
        collection=collection,
        name="Ähnlichkeit, “awkward” 研究",
        description="Line one\nline two; 50 % <b>",
        methods=["cld", "r max", "never run"],
        depth=2,
        is_simulated=True,
        provenance={"kind": "simulated", "model": {"z": 1, "a": [0.5]}},
        state=Study.State.OPEN,
        created_at=NOON + timedelta(microseconds=1234),
        relevance="123-45",
    )
    one = make_category(study, "=SUM(A1)", groups=("MD", "Ärzte"))
    two = make_category(study, "Medical, (Open)", groups=())
    one.guidelines = "# Read\n\n*this* “first”\r\n"
    one.guideline_version = 3
    one.save()
    queries = [
        make_query(one, "q 1%", outside),
        make_query(one, "+2", images[0]),
        make_query(two, "q3", images[3]),
    ]
    tied = [0.25, 0.25, 0.1]
    add_ranking(queries[0], "cld", ["ein Bild.png", "-5.png", "=1+1.png"], tied)
    add_ranking(queries[0], "r max", ["50%25.png", "ein Bild.png"], [-1e-30, -3.5])
    add_ranking(queries[1], "cld", ["-5.png", 'a,b"c.png', "ein Bild.png"], [2.0, 1 / 3, 0.0])
    ranking = add_ranking(queries[1], "r max", ['a,b"c.png'], [7.0])
    ranking.version = "another version"
    ranking.save()
    add_ranking(queries[2], "cld", [], [])
    for query in queries:
        pool(query)
    PoolEntry.objects.create(query=queries[1], image=images[2])  # judged, found by nobody
    first = add_participant(study, "=A1", groups=("MD", "Ärzte"), simulated=True)
    second = add_participant(study, "B; 2", groups=())
    add_participant(study, "unused", groups=("MD",))
    for person in (first, second):
        assign(person, queries[1], common=True)
        assign(person, queries[0])
    assign(second, queries[2])
    Assignment.objects.filter(participant=second, query=queries[0]).update(closed_at=NOON)
    judge(first, queries[1], "-5.png", 5, note="=HYPERLINK(1)", active_ms=1200, hidden_ms=0)
    judge(first, queries[1], "-5.png", 4, client_time=NOON - timedelta(hours=3))
    judge(first, queries[1], "-5.png", "no_image: broken, “so”", guideline_version=3)
    judge(second, queries[1], "-5.png", 2)
    judge(first, queries[1], 'a,b"c.png', 3, note='two\nlines, "quoted"')
    judge(second, queries[1], 'a,b"c.png', 4)
    judge(second, queries[1], "50%25.png", 1)
    judge(first, queries[1], "50%25.png", 2)
    judge(first, queries[0], "ein Bild.png", "corrupt")
    judge(first, queries[0], "ein Bild.png", 5)
    judge(second, queries[0], "ein Bild.png", 4)
    return study
