"""Who judges which queries: a common share for everyone, the rest dealt out evenly."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from apps.assessment.compute.ordering import seeded_order

# Up to so many ways to deal, all are tried; beyond, the best is approached.
TRY_ALL = 20_000


@dataclass(frozen=True)
class CategoryWork:
    """A category's queries with the number of pairs of each, and who may judge them."""

    name: str
    assessors: frozenset[str]
    pairs: Mapping[str, int]


@dataclass(frozen=True)
class Workload:
    """A plan: by category the common queries, by other query its one assessor, and the loads."""

    common: dict[str, frozenset[str]]
    dealt: dict[str, str]
    loads: dict[str, int]

    @property
    def spread(self) -> int:
        """Most pairs of an assessor less the fewest; 0 when there is nobody."""
        return max(self.loads.values()) - min(self.loads.values()) if self.loads else 0


@dataclass
class _Deal:
    """A dealing in the making. Assessors and queries are numbers; `sizes` are pairs."""

    sizes: list[int]  # by query
    may: list[tuple[int, ...]]  # by query: who may judge it
    loads: list[int]  # by assessor
    held: list[set[int]]  # by assessor: dealt queries

    def move(self, query: int, source: int, target: int) -> None:
        self.held[source].remove(query)
        self.held[target].add(query)
        self.loads[source] -= self.sizes[query]
        self.loads[target] += self.sizes[query]

    def transferable(self, source: int, target: int) -> list[tuple[int, int]]:
        """(size, query) of what `source` holds and `target` may judge, the smallest first."""
        return sorted(
            (self.sizes[query], query) for query in self.held[source] if target in self.may[query]
        )


def common_count(n_queries: int, *, overlap: float) -> int:
    """How many of a category's queries are common: the share, halves rounded up, at least one.

    Source: the reference study, section 3: "We selected a 10% random subset of queries from each
    query category".

    Args:
        n_queries: how many the category has; 0 gives 0.
        overlap: 0 to 1, taken as the decimal number it is written as: 0.15 of 30 are 5.
    """
    if not 0 <= overlap <= 1:
        raise ValueError(f"overlap must be in 0..1, got {overlap}")
    exact = Fraction(str(overlap)) * n_queries
    return min(n_queries, max(1, math.floor(exact + Fraction(1, 2))))


def plan_workload(categories: Iterable[CategoryWork], *, overlap: float, seed: int) -> Workload:
    """Choose each category's common queries at random and deal the others out evenly.

    All assessors of a category judge its common queries. Every other query goes to one of them,
    so that the number of pairs is balanced across everyone: whoever is in several categories
    gets less of each. First the spread (most less fewest pairs) is made small, then the sum of
    squared loads, which also balances those whom the extremes do not concern. Small plans are
    the best there are; larger ones are dealt largest query first and then improved by moving,
    swapping and passing on queries until no such step helps.

    The plan depends on names, sizes and seed only, not on the order in which they come.

    Args:
        categories: with distinct names; every category with queries has assessors; a query
            belongs to one category; sizes are >= 0.
        overlap: share of common queries, 0..1 (see `common_count`).
        seed: another seed gives another plan.

    Raises:
        ValueError: a category has queries and no assessors, or a query comes twice.
    """
    works = sorted(categories, key=lambda work: work.name)
    names = seeded_order(
        {name for work in works for name in work.assessors}, seed=seed, purpose=("assessors",)
    )
    number = {name: place for place, name in enumerate(names)}
    loads = [0] * len(names)
    common: dict[str, frozenset[str]] = {}
    rest: dict[str, CategoryWork] = {}
    for work in works:
        if work.pairs and not work.assessors:
            raise ValueError(f"category {work.name!r} has queries and no assessors")
        if rest.keys() & work.pairs.keys() or any(
            work.pairs.keys() & ids for ids in common.values()
        ):
            raise ValueError(f"category {work.name!r} has a query of another category")
        order = seeded_order(work.pairs, seed=seed, purpose=("common", work.name))
        chosen = order[: common_count(len(order), overlap=overlap)] if order else []
        common[work.name] = frozenset(chosen)
        for name in work.assessors:
            loads[number[name]] += sum(work.pairs[query] for query in chosen)
        rest.update(dict.fromkeys(order[len(chosen) :], work))
    queries = seeded_order(rest, seed=seed, purpose=("dealing",))
    deal = _Deal(
        sizes=[rest[query].pairs[query] for query in queries],
        may=[tuple(sorted(number[name] for name in rest[query].assessors)) for query in queries],
        loads=loads,
        held=[set() for _ in names],
    )
    if math.prod(len(may) for may in deal.may) <= TRY_ALL:
        _deal_best(deal)
    else:
        _deal_largest_first(deal)
        while _swap_in_pairs(deal) or _pass_on(deal):
            pass
    return Workload(
        common=common,
        dealt={queries[query]: names[who] for who in range(len(names)) for query in deal.held[who]},
        loads={name: deal.loads[number[name]] for name in sorted(names)},
    )


def _deal_best(deal: _Deal) -> None:
    """Try every way to deal and keep the first of the best."""
    best: tuple[int, int] | None = None
    chosen: list[int] = []
    for ways in _ways(deal, 0, []):
        cost = _cost(deal.loads)
        if best is None or cost < best:
            best, chosen = cost, list(ways)
    for query, who in enumerate(chosen):
        deal.held[who].add(query)
        deal.loads[who] += deal.sizes[query]


def _ways(deal: _Deal, query: int, chosen: list[int]) -> Iterator[list[int]]:
    """Every way to deal the queries from `query` on; the loads are set while one is yielded."""
    if query == len(deal.sizes):
        yield chosen
        return
    for who in deal.may[query]:
        deal.loads[who] += deal.sizes[query]
        chosen.append(who)
        yield from _ways(deal, query + 1, chosen)
        chosen.pop()
        deal.loads[who] -= deal.sizes[query]


def _cost(loads: Sequence[int]) -> tuple[int, int]:
    return (max(loads) - min(loads) if loads else 0, sum(load * load for load in loads))


def _deal_largest_first(deal: _Deal) -> None:
    """Graham's rule (largest first, to whoever has least), queries with few assessors before."""
    order = sorted(
        range(len(deal.sizes)), key=lambda query: (len(deal.may[query]), -deal.sizes[query], query)
    )
    for query in order:
        who = min(deal.may[query], key=lambda who: (deal.loads[who], who))
        deal.held[who].add(query)
        deal.loads[who] += deal.sizes[query]


def _swap_in_pairs(deal: _Deal) -> bool:
    """Even out every two assessors by the best move or swap, until none helps."""
    helped = False
    again = True
    while again:
        again = False
        for one in range(len(deal.loads)):
            for other in range(one):
                while _even_out(deal, one, other):
                    helped = again = True
    return helped


def _even_out(deal: _Deal, one: int, other: int) -> bool:
    """Move or swap what brings the loads of two closest together; False when nothing does."""
    source, target = (one, other) if deal.loads[one] > deal.loads[other] else (other, one)
    gap = deal.loads[source] - deal.loads[target]
    if gap < 2:
        return False
    best = gap  # |gap - 2 * what goes over|: what the gap becomes
    step: tuple[int, int | None] | None = None
    back = deal.transferable(target, source)
    sizes = [size for size, _ in back]
    for size, query in deal.transferable(source, target):
        if abs(gap - 2 * size) < best:
            best, step = abs(gap - 2 * size), (query, None)
        # Half of the gap goes over when what comes back has size - gap / 2.
        place = bisect_left(sizes, size - gap / 2)
        for near in (place - 1, place):
            if 0 <= near < len(back) and abs(gap - 2 * (size - sizes[near])) < best:
                best, step = abs(gap - 2 * (size - sizes[near])), (query, back[near][1])
    if step is None:
        return False
    deal.move(step[0], source, target)
    if step[1] is not None:
        deal.move(step[1], target, source)
    return True


def _pass_on(deal: _Deal) -> bool:
    """Relieve somebody through people who are in two categories: a gives to b, b gives to c.

    What no move between two achieves: b ends about where they were. True after one such step.
    """
    if len(set(deal.may)) < 2:
        return False  # everybody may judge everything: a gives to c directly
    least = min(deal.loads)
    heaviest_first = sorted(range(len(deal.loads)), key=lambda who: (-deal.loads[who], who))
    for start in heaviest_first:
        if deal.loads[start] - least < 2:
            break
        for first in sorted({(deal.sizes[q], deal.may[q]): q for q in deal.held[start]}.values()):
            path = _relief(deal, start, first)
            if path is not None:
                for query, source, target in path:
                    deal.move(query, source, target)
                return True
    return False


def _relief(deal: _Deal, start: int, first: int) -> list[tuple[int, int, int]] | None:
    """The shortest chain of gifts from `start`, beginning with `first`, that balances better."""
    size = deal.sizes[first]
    before = deal.loads[start]
    gain = before * before - (before - size) * (before - size)  # what `start` is relieved of
    seen = {start}
    waiting: deque[tuple[list[tuple[int, int, int]], int]] = deque()
    for who in deal.may[first]:
        if who != start:
            seen.add(who)
            waiting.append(([(first, start, who)], -gain))
    while waiting:
        path, cost = waiting.popleft()
        carried, _, here = path[-1]
        load = deal.loads[here]
        arrived = load + deal.sizes[carried]
        if cost + arrived * arrived - load * load < 0:
            return path
        gifts: dict[int, tuple[int, int]] = {}  # by receiver: the query of the most similar size
        for query in sorted(deal.held[here]):
            unlike = abs(deal.sizes[query] - deal.sizes[carried])
            for there in deal.may[query]:
                if there not in seen and (there not in gifts or unlike < gifts[there][0]):
                    gifts[there] = (unlike, query)
        for there, (_, gift) in sorted(gifts.items()):
            left = arrived - deal.sizes[gift]
            seen.add(there)
            waiting.append(([*path, (gift, here, there)], cost + left * left - load * load))
    return None
