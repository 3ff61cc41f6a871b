"""A study's design: one checked form for study.toml, the browser and scripts.

`parse_design` checks every rule that needs no database. Its refusals name the field and, when the
design comes from a file, the line.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apps.studies import methods as known
from apps.studies.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from apps.studies.tables import InvalidDesignError, Locate, Table, nearest, nowhere

MAX_GUIDELINES = 50_000  # characters
MAX_SEED = 2**63 - 1  # the largest whole number that both databases keep
MAX_DEPTH = 10_000
# Not `from-toml`: that address makes studies.
SLUG = re.compile(r"(?!from-toml$)[a-z0-9]+(?:[-_][a-z0-9]+)*")


@dataclass(frozen=True)
class CategoryDesign:
    """A category. Empty guidelines: those of the protocol."""

    name: str
    groups: tuple[str, ...]
    guidelines: str = ""


@dataclass(frozen=True)
class QueryDesign:
    """A query: an image of the collection, or a file from outside it."""

    id: str
    category: str
    image: str = ""
    file: Path | None = None
    # For refusals that only the database can decide.
    where: str = field(default="", compare=False)
    path: str = field(default="", compare=False)


@dataclass(frozen=True)
class StudyDesign:
    """All that a person decides about a study before it is planned."""

    name: str
    categories: tuple[CategoryDesign, ...]
    queries: tuple[QueryDesign, ...]
    slug: str = ""
    collection: str = ""
    description: str = ""
    protocol: str = DEFAULT_PROTOCOL
    methods: tuple[str, ...] = known.DEFAULT_METHODS
    depth: int = 50
    overlap: float = 0.10
    seed: int = 0


def parse_design(
    raw: object,
    *,
    locate: Locate = nowhere,
    folder: Path | None = None,
    draft: bool = False,
    own_methods: Collection[str] = (),
) -> StudyDesign:
    """Turn a decoded study.toml or JSON object into a design.

    Args:
        raw: the decoded object; `category` and `query` may be called `categories` and `queries`.
        locate: tells where a key stands in the file.
        folder: what paths in the design are relative to; None when no file can be read (HTTP).
        draft: also take a design that is still being made: without categories or queries, with a
            category that has no query or names no group. Pools and plan refuse what is missing.
        own_methods: names that only this study knows: methods of imported runs.

    Raises:
        InvalidDesignError: a rule is broken; the first one, in reading order.
    """
    if not isinstance(raw, Mapping):
        raise InvalidDesignError("The design must be a table of keys and values.", field="design")
    top = Table(raw, label="", path="", table="", index=0, locate=locate)
    top.knows(
        "name slug collection description protocol methods depth overlap seed "
        "category categories query queries"
    )
    name = top.text("name", most=200, required=True)
    slug = top.text("slug", most=60)
    if slug and not SLUG.fullmatch(slug):
        top.refuse("slug", "must be small letters, digits and hyphens, such as visual-agreement")
    protocol = top.text("protocol", most=40) or DEFAULT_PROTOCOL
    if protocol not in PROTOCOLS:
        top.refuse("protocol", f"{protocol!r} is unknown{nearest(protocol, PROTOCOLS)}")
    categories = _parse_categories(top, folder=folder, draft=draft)
    return StudyDesign(
        name=name,
        slug=slug,
        collection=top.text("collection", most=60),
        description=top.text("description", most=10_000, lines=True),
        protocol=protocol,
        methods=_parse_methods(top, own_methods),
        depth=top.whole("depth", default=50, least=1, most=MAX_DEPTH),
        overlap=top.share("overlap", default=0.10),
        seed=top.whole("seed", default=0, least=0, most=MAX_SEED),
        categories=categories,
        queries=_parse_queries(top, categories=categories, folder=folder, draft=draft),
    )


def _parse_methods(top: Table, own_methods: Collection[str]) -> tuple[str, ...]:
    if not top.has("methods"):
        return known.DEFAULT_METHODS
    names = top.texts("methods", most=known.LONGEST_NAME)
    registered = known.known_methods()
    if registered is None:
        return names
    for name in names:
        problem = known.problem_with(name, known=registered | set(own_methods))
        if problem is not None:
            top.refuse("methods", f"{name!r} {problem}")
    return names


def _parse_categories(
    top: Table, *, folder: Path | None, draft: bool
) -> tuple[CategoryDesign, ...]:
    parsed: list[CategoryDesign] = []
    seen: set[str] = set()
    for table in top.tables("category", "categories", least=0 if draft else 1):
        table.knows("name groups guidelines")
        name = table.text("name", most=100, required=True)
        table.label = f"category {name!r}"
        if name.casefold() == "all":
            table.refuse("name", "must not be 'all': reports use that word for all categories")
        if name.casefold() in seen:
            table.refuse("name", "is given to two categories")
        seen.add(name.casefold())
        groups = table.texts("groups", most=60, least=0 if draft else 1)
        for group in groups:
            if ";" in group:
                table.refuse("groups", f"{group!r} must not hold a semicolon")
        parsed.append(
            CategoryDesign(
                name=name, groups=groups, guidelines=_parse_guidelines(table, folder=folder)
            )
        )
    return tuple(parsed)


def _parse_guidelines(table: Table, *, folder: Path | None) -> str:
    """The text itself, or that of the Markdown file it names (one line that ends in .md)."""
    text = table.text("guidelines", most=MAX_GUIDELINES, lines=True)
    if "\n" in text or not text.strip().lower().endswith(".md"):
        return text
    if folder is None:
        table.refuse("guidelines", f"names the file {text}, which is not here: give its text")
    path = folder / text.strip()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        table.refuse("guidelines", f"names a file that is not there: {path}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        table.refuse("guidelines", f"names a file that cannot be read: {path} ({reason})")
    if len(text) > MAX_GUIDELINES or "\0" in text:
        table.refuse("guidelines", f"must be text of at most {MAX_GUIDELINES} characters: {path}")
    return text


def _parse_queries(
    top: Table, *, categories: tuple[CategoryDesign, ...], folder: Path | None, draft: bool
) -> tuple[QueryDesign, ...]:
    names = [category.name for category in categories]
    parsed: list[QueryDesign] = []
    ids: set[str] = set()
    shown: dict[str, str] = {}
    for table in top.tables("query", "queries", least=0 if draft else 1):
        table.knows("id category image file")
        query_id = table.text("id", most=60, required=True)
        table.label = f"query {query_id!r}"
        if re.search(r"\s", query_id):
            table.refuse("id", "must not hold blanks: run and qrels files separate by them")
        if query_id in ids:
            table.refuse("id", "is given to two queries")
        ids.add(query_id)
        category = table.text("category", most=100, required=True)
        if category not in names:
            table.refuse("category", f"{category!r} is unknown{nearest(category, names)}")
        image = table.text("image", most=300)
        file = table.text("file", most=1000)
        if bool(image) == bool(file):
            table.refuse("image", "is needed, or else file (the path of an image from outside)")
        if file and folder is None:
            table.refuse("file", f"{file} is not here: upload it as a query of the study")
        path = (folder / file).resolve() if file and folder is not None else None
        if path is not None and not path.is_file():
            table.refuse("file", f"is not there: {path}")
        picture = image or str(path)
        if picture in shown:
            key = "image" if image else "file"
            table.refuse(key, f"{picture} is asked about already, by query {shown[picture]!r}")
        shown[picture] = query_id
        parsed.append(
            QueryDesign(
                id=query_id,
                category=category,
                image=image,
                file=path,
                where=table.where("image" if image else "file"),
                path=f"{table.path}.{'image' if image else 'file'}",
            )
        )
    asked = {query.category for query in parsed}
    for index, name in enumerate(names):
        if name not in asked and not draft:
            raise InvalidDesignError(
                f"category {name!r} has no query.",
                field=f"categories.{index}",
                where=top.locate("category", index, ""),
            )
    return tuple(parsed)
