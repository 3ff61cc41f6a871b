"""Let pools that are built grow by a run, without building them again."""

from dataclasses import dataclass, field

from django.db import transaction

from apps.retrieval.models import ForeignRun, PoolEntry, PoolSource, Ranking
from apps.retrieval.services.pools.merging import as_stored, pools_of
from apps.retrieval.services.pools.rankings import foreign_rankings
from apps.retrieval.services.pools.steps import queries_of
from apps.studies.models import Study

BATCH = 1_000


@dataclass
class Growth:
    """What a run brought.

    Attributes:
        n_queries: queries that it lists results for.
        n_pairs: its pairs within the depth; 0 when it stays out of the pools.
        new: by query, the pool entries that no method had found.
    """

    n_queries: int = 0
    n_pairs: int = 0
    new: dict[int, list[int]] = field(default_factory=dict)

    @property
    def n_new(self) -> int:
        return sum(map(len, self.new.values()))


def are_built(*, study: Study) -> bool:
    """Whether the study has rankings or pools that a run can be added to."""
    return (
        Ranking.objects.filter(query__study=study).exists()
        or PoolEntry.objects.filter(query__study=study).exists()
    )


@transaction.atomic
def grow_pools(*, run: ForeignRun) -> Growth:
    """Store the run's rankings; its best `depth` join the pools, unless it is kept out of them.

    The result is that of building the pools again with the run among the methods: nothing that
    is there changes, judged pairs least of all.
    """
    study = run.study
    queries = queries_of(study.pk)
    ranked = foreign_rankings(run=run, queries=queries, k=max(study.ranking_depth, study.depth))
    rankings = as_stored(
        method=run.method,
        ranked=ranked,
        queries=queries,
        collection_id=study.collection_id,
        is_foreign=True,
    )
    Ranking.objects.bulk_create(
        (
            Ranking(
                query_id=query,
                method=method,
                images=images,
                scores=scores,
                version=run.version,
            )
            for (query, method), (images, scores) in rankings.items()
        ),
        batch_size=50,
    )
    growth = Growth(n_queries=len(rankings))
    if not run.in_pools:
        return growth
    pools = pools_of(queries=queries, methods=[run.method], rankings=rankings, depth=study.depth)
    entries = PoolEntry.objects.filter(query__study=study)
    known = {
        (query, image): pk
        for pk, query, image in entries.values_list("pk", "query__pk", "image__pk")
    }
    # In the order of images, not of ranks: a pair's number says nothing about who found it.
    made = PoolEntry.objects.bulk_create(
        (
            PoolEntry(query_id=query, image_id=image)
            for query, pool in pools.items()
            for image in sorted(pool)
            if (query, image) not in known
        ),
        batch_size=BATCH,
    )
    for entry in made:
        known[entry.query_id, entry.image_id] = entry.pk
        growth.new.setdefault(entry.query_id, []).append(entry.pk)
    PoolSource.objects.bulk_create(
        (
            PoolSource(
                entry_id=known[query, image],
                method=source.method,
                rank=source.rank,
                score=source.score,
            )
            for query, pool in pools.items()
            for image, sources in pool.items()
            for source in sources
        ),
        batch_size=BATCH,
    )
    growth.n_pairs = sum(map(len, pools.values()))
    return growth
