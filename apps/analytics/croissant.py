"""croissant.json: the release described for machines (MLCommons Croissant 1.1, with RAI)."""

from collections.abc import Mapping
from typing import Any

from apps.analytics.release_format import COLUMNS
from apps.analytics.selectors.report import COLUMNS as REPORT_COLUMNS
from apps.analytics.selectors.report import Report

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "sc:Integer": {
        "width",
        "height",
        "ordinal",
        "position",
        "level",
        "active_ms",
        "hidden_ms",
        "sequence",
        "revision",
        "guideline_version",
        "rank",
        "n",
        "n_items",
        "n_pairs",
        "n_queries",
        "common",
        "simulated",
    },
    "sc:Float": {"score", "value", "sd", "ci_low", "ci_high", "judged"},
    "sc:DateTime": {"submitted_at", "client_time", "closed_at"},
}
_MEDIA = {
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "tex": "application/x-tex",
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
}
_UNSTATED = "Not stated: ask those who ran the study before using its images or judgments."


def describe(
    *, report: Report, sha256: Mapping[str, str], sizes: Mapping[str, int], published: str
) -> dict[str, Any]:
    """The description as JSON-LD; follows from the study's content alone.

    Args:
        report: the study's numbers.
        sha256: of the files to describe, by their name in the folder.
        sizes: their bytes.
        published: date of the newest judgment, or of the study.
    """
    study, counts = report.data.study, report.counts
    codes = {notice["code"] for notice in report.notices}
    synthetic = bool(codes & {"simulated", "labels"})
    names = sorted(sha256)
    tables = {
        **{name: COLUMNS[name] for name in COLUMNS if name in sha256},
        **{f"report/{name}.csv": columns for name, columns in REPORT_COLUMNS.items()},
    }
    groups = sorted({group for row in report.data.categories for group in row.groups})
    unpooled = {run.method for run in study.foreign_runs.all() if not run.in_pools}
    pooled = [method for method in study.methods if method not in unpooled]
    provenance = study.provenance if isinstance(study.provenance, dict) else {}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": study.name,
        "description": study.description
        or f"Judgments of visual similarity: {counts['n_ratings']} ratings of "
        f"{counts['n_items']} image pairs by {counts['n_assessors']} assessors.",
        "license": str(provenance.get("license") or _UNSTATED),
        "url": str(provenance.get("url") or "study.json"),
        "datePublished": published,
        "version": "1.0.0",
        "citeAs": str(provenance.get("citation") or study.name),
        "isLiveDataset": False,
        "rai:dataCollection": (
            f"Images of the collection {study.collection.name}. For each of "
            f"{counts['n_queries']} queries the first {study.depth} results of the methods "
            f"{', '.join(pooled)} were pooled and judged."
        ),
        "rai:dataCollectionType": "Others" if synthetic else "Manual Human Curator",
        "rai:dataAnnotationProtocol": (
            f"Protocol {study.protocol}: levels "
            + "; ".join(f"{entry['level']} {entry['name']}" for entry in study.scale)
            + ". Guidelines of each category are in study.json."
        ),
        "rai:dataAnnotationPlatform": "Likeness",
        "rai:dataAnnotationAnalysis": (
            "Micro-average accuracy of rating pairs with bootstrap intervals over queries; see "
            "report/agreement.csv."
        ),
        "rai:annotationsPerItem": (
            f"{counts['n_ratings']} ratings of {counts['n_items']} pairs; "
            f"{counts['n_items_multi']} pairs have at least two."
        ),
        "rai:annotatorDemographics": (
            f"{counts['n_assessors']} assessors; groups: {', '.join(groups) or 'none'}."
        ),
        "rai:machineAnnotationTools": (
            ["Likeness simulated assessors or image labels"] if synthetic else []
        ),
        "rai:dataBiases": (
            "Only results of the pooled methods are judged: a method that took no part may be "
            "underrated."
        ),
        "rai:dataLimitations": " ".join(notice["text"] for notice in report.notices)
        or "None known to the program that wrote this.",
        "rai:dataUseCases": (
            "Agreement of people on visual similarity; evaluation of image search methods."
        ),
        "rai:personalSensitiveInformation": (
            "Assessors stand under the words in assessors.csv, pseudonyms unless the study's "
            "people chose names. The judgments may carry free notes."
        ),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "contentSize": f"{sizes[name]} B",
                "encodingFormat": _MEDIA.get(name.rpartition(".")[2], "text/plain"),
                "sha256": sha256[name],
            }
            for name in names
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _identifier(name),
                "name": _identifier(name),
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"{_identifier(name)}/{column}",
                        "name": column,
                        "dataType": _type_of(column),
                        "source": {"fileObject": {"@id": name}, "extract": {"column": column}},
                    }
                    for column in columns
                ],
            }
            for name, columns in tables.items()
        ],
    }


def _identifier(name: str) -> str:
    return name.removesuffix(".csv").replace("/", "_")


def _type_of(column: str) -> str:
    return next((kind for kind, columns in _TYPES.items() if column in columns), "sc:Text")
