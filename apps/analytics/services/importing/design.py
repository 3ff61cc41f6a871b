"""What study.json of a release says, with the defaults of what it leaves out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.analytics.compute.agreement import cut_names
from apps.analytics.release_reader import Folder
from apps.studies.methods import LONGEST_NAME
from apps.studies.models import Study
from apps.studies.protocols import PROTOCOLS

DEFAULT_PROTOCOL = "graded_pair"
DEFAULT_CATEGORY = "Queries"
MOST_SEED = 2**63 - 1


@dataclass(frozen=True)
class CategoryText:
    name: str
    groups: tuple[str, ...]
    guidelines: str
    guideline_version: int


@dataclass(frozen=True)
class RunText:
    """Where the run of a foreign method comes from."""

    method: str
    file_name: str
    sha256: str
    n_lines: int
    in_pools: bool
    imported_at: datetime


@dataclass(frozen=True)
class ReleaseDesign:
    """The study of a release; `categories` and `methods` may be empty: the tables decide."""

    name: str
    description: str
    protocol: str
    scale: list[dict[str, Any]]
    aggregations: list[str]
    relevance: str
    categories: tuple[CategoryText, ...]
    methods: tuple[str, ...]
    depth: int
    ranking_depth: int
    overlap: float
    seed: int
    state: str
    is_simulated: bool
    provenance: dict[str, Any]
    created_at: datetime
    collection_name: str
    collection_description: str
    versions: dict[str, dict[str, Any]]
    foreign_runs: tuple[RunText, ...] | None  # None: the release does not say

    @property
    def levels(self) -> list[int]:
        return sorted(entry["level"] for entry in self.scale)


def read_design(*, folder: Folder, imported_at: datetime) -> ReleaseDesign:
    """Read study.json; only `name` is needed.

    Raises:
        ReleaseError: a value is not what it must be; names its key.
    """
    reader = _Reader(folder)
    protocol_name = reader.text("protocol", most=40, default=DEFAULT_PROTOCOL)
    protocol = PROTOCOLS.get(protocol_name)
    if protocol is None:
        folder.refuse("protocol", f"{protocol_name!r} is not one of {', '.join(PROTOCOLS)}.")
    name = reader.text("name", most=200)
    scale = reader.scale(default=[dict(entry) for entry in protocol.scale])
    levels = sorted(entry["level"] for entry in scale)
    cuts = cut_names(levels=levels)
    standard = [cut for cut in protocol.aggregations if cut in cuts]
    aggregations = reader.cuts("aggregations", cuts=cuts, default=standard or cuts)
    depth = reader.whole("depth", default=50, least=1)
    collection = reader.table("collection")
    return ReleaseDesign(
        name=name,
        description=reader.text("description", most=100_000, default=""),
        protocol=protocol_name,
        scale=scale,
        aggregations=aggregations,
        relevance=reader.cut(
            "relevance",
            cuts=cuts,
            default=protocol.relevance if protocol.relevance in cuts else cuts[len(cuts) // 2],
        ),
        categories=reader.categories(),
        methods=tuple(reader.words("methods", most=LONGEST_NAME)),
        depth=depth,
        ranking_depth=reader.whole("ranking_depth", default=max(500, depth), least=depth),
        overlap=reader.share("overlap", default=0.1),
        seed=reader.whole("seed", default=0, most=MOST_SEED),
        state=reader.choice("state", choices=Study.State.values, default=Study.State.CLOSED),
        is_simulated=reader.flag("is_simulated"),
        provenance=reader.table("provenance", default={"kind": "release"}),
        created_at=reader.time("created_at", default=imported_at),
        collection_name=str(collection.get("name") or f"Images of {name}")[:200],
        collection_description=str(collection.get("description") or ""),
        versions=reader.versions(),
        foreign_runs=reader.foreign_runs(default_time=imported_at),
    )


class _Reader:
    """Typed values of study.json."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._values = folder.study

    def _refuse(self, key: str, rule: str) -> Any:
        self._folder.refuse(key, f"{rule}, not {str(self._values.get(key))[:60]!r}.")

    def text(self, key: str, *, most: int, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if value is None:
            self._folder.refuse(key, "a value is missing.")
        if not isinstance(value, str) or len(value) > most or "\x00" in value:
            self._refuse(key, f"must be a text of at most {most} characters")
        if default is None and not value.strip():
            self._folder.refuse(key, "must not be empty.")
        return str(value)

    def whole(self, key: str, *, default: int, least: int = 0, most: int = 2**31 - 1) -> int:
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._refuse(key, f"must be a whole number from {least} to {most}")
        return int(value)

    def share(self, key: str, *, default: float) -> float:
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self._refuse(key, "must be a number from 0 to 1")
        return float(value)

    def flag(self, key: str) -> bool:
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            self._refuse(key, "must be true or false")
        return bool(value)

    def choice(self, key: str, *, choices: Sequence[str], default: str) -> str:
        value = self._values.get(key, default)
        if value not in choices:
            self._refuse(key, f"must be one of {', '.join(choices)}")
        return str(value)

    def time(self, key: str, *, default: datetime) -> datetime:
        value = self._values.get(key)
        if value is None:
            return default
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self._refuse(key, "must be a time such as 2026-03-01T12:00:00Z")
        return moment.replace(tzinfo=moment.tzinfo or UTC)

    def table(self, key: str, *, default: dict[str, Any] | None = None) -> dict[str, Any]:
        value = self._values.get(key, default or {})
        if not isinstance(value, dict):
            self._refuse(key, "must be an object")
        return dict(value)

    def words(self, key: str, *, most: int) -> list[str]:
        values = self._values.get(key, [])
        if not isinstance(values, list) or not all(
            isinstance(value, str) and 0 < len(value) <= most for value in values
        ):
            self._refuse(key, f"must be a list of texts of 1 to {most} characters")
        if len(set(values)) != len(values):
            self._refuse(key, "must not name anything twice")
        return list(values)

    def cut(self, key: str, *, cuts: Sequence[str], default: str) -> str:
        return self.choice(key, choices=cuts, default=default)

    def cuts(self, key: str, *, cuts: Sequence[str], default: Sequence[str]) -> list[str]:
        if key not in self._values:
            return list(default)
        values = self.words(key, most=40)
        if not set(values) <= set(cuts):
            self._refuse(key, f"must be among the cuts of the scale, {', '.join(cuts)}")
        return values

    def scale(self, *, default: list[dict[str, Any]]) -> list[dict[str, Any]]:
        entries = self._values.get("scale", default)
        rule = "must be a list of 2 to 11 levels, each with a whole number `level` from 1 to 11"
        if not isinstance(entries, list) or not 2 <= len(entries) <= 11:
            self._refuse("scale", rule)
        for entry in entries:
            level = entry.get("level") if isinstance(entry, dict) else None
            if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= 11:
                self._refuse("scale", rule)
        levels = [entry["level"] for entry in entries]
        if len(set(levels)) != len(levels):
            self._refuse("scale", "must not have a level twice")
        return [{"name": str(entry["level"]), "description": "", **entry} for entry in entries]

    def categories(self) -> tuple[CategoryText, ...]:
        entries = self._values.get("categories", [])
        if not isinstance(entries, list):
            self._refuse("categories", "must be a list")
        found: list[CategoryText] = []
        for number, entry in enumerate(entries, start=1):
            reader = _Reader.__new__(_Reader)
            reader._folder, reader._values = self._folder, entry
            if not isinstance(entry, dict):
                self._folder.refuse("categories", f"number {number} must be an object.")
            name = reader.text("name", most=100)
            if name.lower() == "all" or name in {category.name for category in found}:
                self._folder.refuse("categories", f"{name!r} cannot be a name, or is there twice.")
            found.append(
                CategoryText(
                    name=name,
                    groups=tuple(reader.words("groups", most=60)),
                    guidelines=reader.text("guidelines", most=1_000_000, default=""),
                    guideline_version=reader.whole(
                        "guideline_version", default=1, least=1, most=32_767
                    ),
                )
            )
        return tuple(found)

    def versions(self) -> dict[str, dict[str, Any]]:
        rankings: dict[str, dict[str, Any]] = self.table("versions").get("rankings", {})
        if not isinstance(rankings, dict) or not all(
            isinstance(by_version, dict) for by_version in rankings.values()
        ):
            self._refuse("versions", "`rankings` must name a version for each method")
        return rankings

    def foreign_runs(self, *, default_time: datetime) -> tuple[RunText, ...] | None:
        entries = self._values.get("foreign_runs")
        if entries is None:
            return None
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            self._refuse("foreign_runs", "must be a list of objects")
        found: list[RunText] = []
        for entry in entries:
            reader = _Reader.__new__(_Reader)
            reader._folder, reader._values = self._folder, entry
            run = RunText(
                method=reader.text("method", most=60),
                file_name=reader.text("file_name", most=255, default=""),
                sha256=reader.text("sha256", most=64, default=""),
                n_lines=reader.whole("n_lines", default=0),
                in_pools="in_pools" not in entry or reader.flag("in_pools"),
                imported_at=reader.time("imported_at", default=default_time),
            )
            if run.method in {other.method for other in found}:
                self._refuse("foreign_runs", f"must not name {run.method!r} twice")
            found.append(run)
        return tuple(found)
