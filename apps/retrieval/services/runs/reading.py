"""Read a run file against a study: every line is checked before anything is stored."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from apps.catalog.models import Image
from apps.retrieval.trec import RunFileError, read_trec_word, run_lines
from apps.studies.models import Study

LONGEST_FILE = 64 * 2**20  # bytes: 200 queries with 5,000 results each, and room
AT_ONCE = 5_000  # images looked up by one query
SHOWN = 80  # characters of a word in a refusal


@dataclass(frozen=True)
class RunText:
    """A run that fits a study.

    Attributes:
        rankings: by query id the primary keys of images, best first, and their scores.
        tags: the words in the last column, sorted.
        n_lines: lines with a result.
        sha256: of the file.
        n_excluded: results that are screened out of the collection.
        n_own: results that are the query's own image.
    """

    rankings: dict[str, tuple[list[int], list[float]]]
    tags: list[str]
    n_lines: int
    sha256: str
    n_excluded: int
    n_own: int


def read_run(*, study: Study, file: Iterable[bytes], name: str) -> RunText:
    """Check a run line by line; order each query's results as trec_eval does.

    Score descending, ties by image id descending; the rank column is ignored. White space in
    ids may be written as %XX, as our own runs do. Results that are screened out, or the query's
    own image, are counted: they stay in the run and never enter a ranking.

    Args:
        study: with its collection and queries.
        file: lines as bytes.
        name: of the file, for refusals.

    Raises:
        RunFileError: a line is wrong, names a query or an image that is not there, or an image
            twice for a query; the file is too long or holds no result.
    """
    digest = hashlib.sha256()
    own = dict(study.queries.values_list("query_id", "image_id"))
    if not own:
        raise RunFileError(f"The study {study.slug} has no queries yet.", where=name)
    scores: dict[str, dict[str, float]] = {}
    first_line: dict[str, int] = {}
    tags: set[str] = set()
    for line in run_lines(_measured(file, digest, name), name=name):
        where = f"{name}:{line.line}"
        query_id = _known(line.query_id, own)
        if query_id is None:
            raise RunFileError(
                f"column query: {line.query_id[:SHOWN]!r} is no query of {study.slug}.",
                field="query",
                where=where,
            )
        found = scores.setdefault(query_id, {})
        if line.image_id in found:
            raise RunFileError(
                f"column image: {line.image_id[:SHOWN]!r} occurs twice for {query_id}.",
                field="image",
                where=where,
            )
        found[line.image_id] = line.score
        first_line.setdefault(line.image_id, line.line)
        tags.add(line.tag)
    if not scores:
        raise RunFileError("The file holds no result.", where=name)
    images = _images(study, first_line, name)
    return _ordered(scores, images, own, tags=tags, sha256=digest.hexdigest(), name=name)


def _measured(file: Iterable[bytes], digest: "hashlib._Hash", name: str) -> Iterator[bytes]:
    size = 0
    for line in file:
        size += len(line)
        if size > LONGEST_FILE:
            raise RunFileError(
                f"A run file may have {LONGEST_FILE // 2**20} MiB; this one has more.", where=name
            )
        digest.update(line)
        yield line


def _known(word: str, known: dict[str, int]) -> str | None:
    """The id that a word means: itself, or itself with %XX read back."""
    if word in known:
        return word
    try:
        restored = read_trec_word(word)
    except UnicodeDecodeError:
        return None
    return restored if restored in known else None


@dataclass(frozen=True)
class _Found:
    pk: int
    image_id: str
    is_excluded: bool


def _images(study: Study, first_line: dict[str, int], name: str) -> dict[str, _Found]:
    """The collection's images by the words of the run.

    Raises:
        RunFileError: one is not there; the first in the order of the file.
    """
    found: dict[str, _Found] = {}
    _look_up(study, {word: word for word in first_line}, found)
    restored = {}
    for word in first_line:
        if word not in found and "%" in word:
            try:
                restored[word] = read_trec_word(word)
            except UnicodeDecodeError:
                continue
    _look_up(study, restored, found)
    for word, line in first_line.items():
        if word not in found:
            raise RunFileError(
                f"column image: {word[:SHOWN]!r} is no image of {study.collection.slug}.",
                field="image",
                where=f"{name}:{line}",
            )
    return found


def _look_up(study: Study, wanted: dict[str, str], found: dict[str, _Found]) -> None:
    """Add what there is of `wanted` (word -> image_id) to `found`."""
    words = list(wanted)
    for start in range(0, len(words), AT_ONCE):
        some: dict[str, list[str]] = {}
        for word in words[start : start + AT_ONCE]:
            some.setdefault(wanted[word], []).append(word)
        rows = Image.objects.members().filter(collection=study.collection, image_id__in=some)
        for pk, image_id, excluded in rows.values_list("pk", "image_id", "excluded"):
            for word in some[image_id]:
                found[word] = _Found(pk, image_id, bool(excluded))


def _ordered(
    scores: dict[str, dict[str, float]],
    images: dict[str, _Found],
    own: dict[str, int],
    *,
    tags: set[str],
    sha256: str,
    name: str,
) -> RunText:
    rankings: dict[str, tuple[list[int], list[float]]] = {}
    n_excluded = n_own = 0
    for query_id, found in scores.items():
        results = [(images[word], score) for word, score in found.items()]
        _refuse_twins([image for image, _ in results], query_id, name)
        results.sort(key=lambda result: result[0].image_id, reverse=True)
        results.sort(key=lambda result: -result[1])  # stable: equal scores keep the order of ids
        rankings[query_id] = ([image.pk for image, _ in results], [score for _, score in results])
        n_excluded += sum(image.is_excluded for image, _ in results)
        n_own += sum(image.pk == own[query_id] for image, _ in results)
    return RunText(
        rankings=rankings,
        tags=sorted(tags),
        n_lines=sum(map(len, scores.values())),
        sha256=sha256,
        n_excluded=n_excluded,
        n_own=n_own,
    )


def _refuse_twins(images: Sequence[_Found], query_id: str, name: str) -> None:
    """One image under two spellings, with and without %XX."""
    seen: set[int] = set()
    for image in images:
        if image.pk in seen:
            raise RunFileError(
                f"column image: {image.image_id[:SHOWN]!r} occurs twice for {query_id}.",
                field="image",
                where=name,
            )
        seen.add(image.pk)
