"""Names of search methods, as far as a design needs them.

Methods themselves live a floor up, in retrieval, whose `AppConfig.ready` tells here what it has.
"""

from collections.abc import Callable, Collection

from apps.studies.tables import nearest

# What a study searches with unless it says otherwise; the pools take those that can be computed.
DEFAULT_METHODS = ("r_full", "r_sum", "r_max", "gf", "cw")

LONGEST_NAME = 200  # of a method; a fusion names its members

KnownMethods = Callable[[], Collection[str]]
# (name, known names) -> what is wrong with it, in words that follow the name; None: it is one.
NameRule = Callable[[str, Collection[str]], str | None]
# (study's key) -> names that only this study knows, such as those of imported runs.
StudyMethods = Callable[[int], Collection[str]]
_known: list[KnownMethods] = []
_rules: list[NameRule] = []
_of_study: list[StudyMethods] = []


def register_known_methods(names: KnownMethods) -> None:
    """Add a source of method names; called again with the same source it changes nothing."""
    if names not in _known:
        _known.append(names)


def register_name_rule(rule: NameRule) -> None:
    """Add a way to write methods that are in no list, such as fusions."""
    if rule not in _rules:
        _rules.append(rule)


def register_study_methods(names: StudyMethods) -> None:
    """Add a source of names that a single study knows."""
    if names not in _of_study:
        _of_study.append(names)


def known_methods() -> set[str] | None:
    """Every registered name; None when nobody registered any, so that any word will do."""
    if not _known:
        return None
    return {name for names in _known for name in names()}


def methods_of_study(*, study_id: int) -> set[str]:
    """Names that only this study knows."""
    return {name for names in _of_study for name in names(study_id)}


def problem_with(name: str, *, known: Collection[str]) -> str | None:
    """Why `name` is no method, in words that follow it; None when it is one."""
    if name in known:
        return None
    problems = [rule(name, known) for rule in _rules]
    if None in problems:
        return None
    return next((problem for problem in problems if problem), f"is unknown{nearest(name, known)}")
