"""Orders that are random to look at and fixed by a seed. No clock, no global state."""

import hashlib
import json
from collections.abc import Iterable


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


def _number(seed: int, purpose: tuple[str, ...], name: str) -> bytes:
    # JSON keeps the words apart: ("ab", "c") is not ("a", "bc").
    return hashlib.sha256(json.dumps([seed, *purpose, name]).encode()).digest()
