"""Orders that are random to look at and fixed by a seed. No clock, no global state."""

import hashlib
import json
from collections.abc import Iterable, Sequence


def seeded_order(names: Iterable[str], *, seed: int, purpose: tuple[str, ...]) -> list[str]:
    """Order `names` at random: the same names, seed and purpose always give the same order.

    Every name gets the SHA-256 of (seed, purpose, name) as its number, and names are sorted by
    it. To whoever does not know the hash that is a uniformly random permutation; it depends
    neither on the order in which the names come nor on the versions of Python and NumPy, and
    adding a name leaves the others in their order.

    Args:
        names: distinct names.
        seed: the study's.
        purpose: what the order is for; other words give an independent order.

    Raises:
        ValueError: a name comes twice.
    """
    given = list(names)
    if len(set(given)) != len(given):
        raise ValueError("names must be distinct")
    return sorted(given, key=lambda name: (_number(seed, purpose, name), name))


def query_order(query_ids: Iterable[str], *, seed: int, assessor: str) -> list[str]:
    """The order in which an assessor meets the queries that are theirs."""
    return seeded_order(query_ids, seed=seed, purpose=("queries", assessor))


def candidate_order(
    image_ids: Iterable[str], *, seed: int, assessor: str, query_id: str
) -> list[str]:
    """The order in which an assessor meets a query's candidates.

    It is made of names alone: no method, rank or score takes part.
    """
    return seeded_order(image_ids, seed=seed, purpose=("candidates", assessor, query_id))


def joined_order(
    there: Sequence[str], joining: Iterable[str], *, seed: int, assessor: str, query_id: str
) -> list[str]:
    """The order of a query's candidates when more of them join: who was there keeps the order.

    Where `there` is in `candidate_order`, so is the result: as if all had been there from the
    start, so that nothing shows who joined later. Otherwise (an imported study is in the order of
    its judgments) each that joins stands before the first whose number is greater.

    Args:
        there: image ids in the assessor's order, each once.
        joining: others.
        seed: the study's.
        assessor: whose order it is.
        query_id: whose candidates they are.

    Raises:
        ValueError: one of `joining` is there already, or comes twice.
    """
    purpose = ("candidates", assessor, query_id)
    waiting = candidate_order(joining, seed=seed, assessor=assessor, query_id=query_id)
    if set(waiting) & set(there):
        raise ValueError("an image that joins is there already")
    joined: list[str] = []
    at = 0
    for image_id in there:
        while at < len(waiting) and _before(waiting[at], image_id, seed=seed, purpose=purpose):
            joined.append(waiting[at])
            at += 1
        joined.append(image_id)
    return [*joined, *waiting[at:]]


def _before(one: str, other: str, *, seed: int, purpose: tuple[str, ...]) -> bool:
    return (_number(seed, purpose, one), one) < (_number(seed, purpose, other), other)


def _number(seed: int, purpose: tuple[str, ...], name: str) -> bytes:
    # JSON keeps the words apart: ("ab", "c") is not ("a", "bc").
    return hashlib.sha256(json.dumps([seed, *purpose, name]).encode()).digest()
