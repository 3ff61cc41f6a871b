"""Names of search methods, as far as a design needs them.

Methods themselves live a floor up, in retrieval, whose `AppConfig.ready` tells here what it has.
"""

from collections.abc import Callable, Collection

# What a study searches with unless it says otherwise; the pools take those that can be computed.
DEFAULT_METHODS = ("r_full", "r_sum", "r_max", "cld", "ehd")

KnownMethods = Callable[[], Collection[str]]
_known: list[KnownMethods] = []


def register_known_methods(names: KnownMethods) -> None:
    """Add a source of method names; called again with the same source it changes nothing."""
    if names not in _known:
        _known.append(names)


def known_methods() -> set[str] | None:
    """Every registered name; None when nobody registered any, so that any word will do."""
    if not _known:
        return None
    return {name for names in _known for name in names()}
