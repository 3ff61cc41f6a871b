"""What a study's pools hold."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Count

from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.studies.models import Query, Study

POOL = "build_pools"


def pools_target(*, study: Study) -> str:
    return f"study:{study.slug}"


@dataclass(frozen=True)
class QueryPool:
    id: str
    category: str
    n_pairs: int
    by_method: dict[str, int]


@dataclass(frozen=True)
class PoolSummary:
    """What a study's pools hold. `unique` counts the pairs that only this method found."""

    depth: int
    n_queries: int
    n_pairs: int
    by_query: list[QueryPool] = field(default_factory=list)
    unique: dict[str, int] = field(default_factory=dict)
    rankings: dict[str, int] = field(default_factory=dict)


def pool_summary(*, study: Study) -> PoolSummary:
    """Counts by query and method; a constant number of queries."""
    queries = list(
        Query.objects.filter(study=study)
        .order_by("position")
        .values_list("pk", "query_id", "category__name")
    )
    entries = dict(
        PoolEntry.objects.filter(query__study=study)
        .values_list("query")
        .annotate(n=Count("pk"))
        .order_by()
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    sources = PoolSource.objects.filter(entry__query__study=study)
    for query, method, n in (
        sources.values_list("entry__query", "method").annotate(n=Count("pk")).order_by()
    ):
        found[query][method] = n
    alone = (
        PoolSource.objects.filter(
            entry__in=PoolEntry.objects.filter(query__study=study)
            .annotate(n=Count("sources"))
            .filter(n=1)
            .values("pk")
        )
        .values_list("method")
        .annotate(n=Count("pk"))
        .order_by()
    )
    unique = dict(alone)
    rankings = dict(
        Ranking.objects.filter(query__study=study)
        .values_list("method")
        .annotate(n=Count("pk"))
        .order_by()
    )
    methods = [*study.methods, *sorted(set(rankings) - set(study.methods))]
    return PoolSummary(
        depth=study.depth,
        n_queries=len(queries),
        n_pairs=sum(entries.values()),
        by_query=[
            QueryPool(
                id=query_id,
                category=category,
                n_pairs=entries.get(pk, 0),
                by_method={method: found[pk].get(method, 0) for method in methods},
            )
            for pk, query_id, category in queries
        ],
        unique={method: unique.get(method, 0) for method in methods},
        rankings={method: rankings.get(method, 0) for method in methods},
    )
