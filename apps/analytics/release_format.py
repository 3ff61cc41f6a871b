"""The release folder: its files and their columns, the same for writing and reading."""

VERSION = "0.1.0"  # of Likeness, as in pyproject.toml
FORMAT = "likeness-release/1"

# Fixed columns first and in this order; those that this program adds follow.
COLUMNS: dict[str, tuple[str, ...]] = {
    "images.csv": (
        "image_id",
        "file_name",
        "sha256",
        "width",
        "height",
        "excluded",
        "ordinal",
        "metadata",
    ),
    "captions.csv": ("image_id", "caption", "position"),
    "queries.csv": ("query_id", "category", "image_id", "position"),
    "assessors.csv": ("assessor", "groups", "simulated"),
    "assignments.csv": ("assessor", "query_id", "common", "position", "closed_at", "pairs"),
    "judgments.csv": (
        "query_id",
        "image_id",
        "assessor",
        "level",
        "status",
        "active_ms",
        "hidden_ms",
        "sequence",
        "submitted_at",
        "revision",
        "guideline_version",
        "client_time",
        "note",
    ),
    "pools.csv": ("query_id", "image_id", "method", "rank", "score"),
}
COLUMNS["judgment_history.csv"] = COLUMNS["judgments.csv"]

JUDGED = "judged"
UNJUDGEABLE = "unjudgeable:"
# What an assignment covers: the whole pool of its query, or only what was judged.
WHOLE_POOL, ONLY_JUDGED = "pool", "judged"
