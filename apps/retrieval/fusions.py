"""Fusions by name: `rrf(r_sum+cld)` is a kind and its members. The page and study.toml write it so.

A new kind is one function in `compute/fusion.py` and one entry here.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module

from apps.retrieval.compute.fusion import Kind
from apps.retrieval.registry import UnknownMethodError
from apps.studies.methods import LONGEST_NAME
from apps.studies.tables import nearest

# What a method may be called: safe as a file name, a TREC word and a member of a fusion.
METHOD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FUSION = re.compile(r"([^()]*)\(([^()]*)\)")


@dataclass(frozen=True)
class FusionKind:
    """A way to fuse; `path` is the dotted path of a function in `compute.fusion`."""

    name: str
    title: str
    description: str
    path: str
    version: int = 1  # raise it whenever the numbers change

    def load(self) -> Kind:
        module, _, function = self.path.rpartition(".")
        kind: Kind = getattr(import_module(module), function)
        return kind


@dataclass(frozen=True)
class Fusion:
    """A kind over its members: names of methods that are no fusions, at least two."""

    name: str
    kind: FusionKind
    members: tuple[str, ...]

    def title(self, titles: Mapping[str, str]) -> str:
        """For people: `Reciprocal rank fusion of ResNet sum + Colour layout`."""
        named = " + ".join(titles.get(member, member) for member in self.members)
        return f"{self.kind.title} of {named}"

    @property
    def meaning(self) -> tuple[str, frozenset[str]]:
        """The same for two names of the same fusion: the order of members says nothing."""
        return self.kind.name, frozenset(self.members)


_FUNCTIONS = "apps.retrieval.compute.fusion"
_KINDS = (
    FusionKind(
        "rrf",
        "Reciprocal rank fusion",
        "Sums 1 / (60 + rank): needs no scores, so that no method's scale can outweigh another's.",
        f"{_FUNCTIONS}.reciprocal_rank",
    ),
    FusionKind(
        "combsum_z",
        "CombSUM, z-scores",
        "Sums the scores in standard deviations above the last of each list.",
        f"{_FUNCTIONS}.comb_sum_z",
    ),
    FusionKind(
        "combsum_minmax",
        "CombSUM, min-max",
        "Sums the scores brought to 0 .. 1 within each list.",
        f"{_FUNCTIONS}.comb_sum_minmax",
    ),
    FusionKind(
        "combmnz_z",
        "CombMNZ, z-scores",
        "As CombSUM, times the number of methods that list the image.",
        f"{_FUNCTIONS}.comb_mnz_z",
    ),
    FusionKind(
        "combmnz_minmax",
        "CombMNZ, min-max",
        "As CombSUM, times the number of methods that list the image.",
        f"{_FUNCTIONS}.comb_mnz_minmax",
    ),
)


def fusion_kinds() -> tuple[FusionKind, ...]:
    return _KINDS


def is_fusion(*, name: str) -> bool:
    """Whether the name is written like a fusion; it may still be refused."""
    return "(" in name


def fusion_of(*, name: str) -> Fusion:
    """The fusion of this name. Whether there are such members is for whoever knows the study.

    Raises:
        UnknownMethodError: it is not written like one, its kind is unknown, it has fewer than
            two members, one of them twice, or a fusion among them.
    """
    found = _parsed(name)
    if isinstance(found, str):
        raise UnknownMethodError(f"The fusion {name[:60]!r} {found}.", field="methods")
    return found


def problem_with(name: str, known: Collection[str]) -> str | None:
    """Why `name` is no fusion of known methods, in words that follow it; None when it is one."""
    if not is_fusion(name=name):
        near = nearest(name, known)
        later = "; a run from elsewhere is added to the study afterwards (import_run)"
        return f"is unknown{near}{'' if near.endswith('?') else later}"
    found = _parsed(name)
    if isinstance(found, str):
        return found
    for member in found.members:
        if member not in known:
            return f"has an unknown member, {member!r}{nearest(member, known)}"
    return None


def _parsed(name: str) -> Fusion | str:
    """The fusion, or what is wrong with the name."""
    found = _FUSION.fullmatch(name)
    members = tuple(found[2].split("+")) if found else ()
    if found is None or not all(METHOD_NAME.fullmatch(member) for member in members):
        return "is not written like rrf(r_sum+cld), whose members are no fusions"
    kind = next((kind for kind in _KINDS if kind.name == found[1]), None)
    if kind is None:
        return f"is of no known kind; there are {', '.join(kind.name for kind in _KINDS)}"
    if len(members) < 2:
        return "must have at least two members"
    if len(set(members)) < len(members):
        return "must not name a member twice"
    if len(name) > LONGEST_NAME:
        return f"must have at most {LONGEST_NAME} characters"
    return Fusion(name=name, kind=kind, members=members)
