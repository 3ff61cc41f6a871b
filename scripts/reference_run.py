"""The reference study on real photographs, radiographs and micrographs, by our own commands.

    python scripts/reference_run.py --data DATA --weights WEIGHTS [--work FOLDER] [--record FILE]

DATA holds `manifest.csv` (path, label, domain, kind, ...), `medical_captions.csv` (path, case,
location, ...), `captions.csv` and the pictures; WEIGHTS holds `resnet50.safetensors`. Labels stand
in for people: the judgments are marked so in the data and in every report.

Every step is a command that anyone may type; the script only prepares their input files and writes
down what the last one printed. Run it again after an interruption and it goes on.
"""

import argparse
import csv
import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sections import with_sections_of

ROOT = Path(__file__).resolve().parents[1]

# Kinds that the reference study screened out: abstract illustrations and multi-panel figures.
SCREENED_KINDS = ("chart", "diagram", "multipanel")

# The paper's four categories in its proportions (12, 16, 23, 49 %) over 20 queries, and the label
# that each query is drawn from.
CATEGORIES = {
    "Medical (Expert)": ("MD", ["mr_brain_and_neuro", "ct_chest_pulmonary"]),
    "Medical (Intermediate)": ("MD, ML", ["chest_xray", "ct_gastrointestinal", "dermoscopy"]),
    "Medical (Open)": (
        "ML",
        ["blood_smear", "nuclei", "fundus", "ct_brain_and_neuro", "mr_head_and_neck"],
    ),
    "Open Domain": (
        "CS",
        [
            "bedroom",
            "coast",
            "forest",
            "highway",
            "kitchen",
            "mountain",
            "tallbuilding",
            "raccoon",
            "dog",
            "insect",
        ],
    ),
}
# The paper's eleven people: two physicians, two medical librarians, seven computer scientists.
PEOPLE = {"MD": 2, "ML": 2, "CS": 7}

# How a label becomes a level: the first column in which query and candidate have the same word.
LEVEL_OF_SAME = {"case": 5, "label": 4, "location": 3, "look": 2}

SPACES = ("r_full", "r_sum", "r_max", "gf", "cw")  # of the paper
CUTS = (5, 10, 20, 50)

INTRODUCTION = """\
# The reference run

The paper's method (four categories, pools of depth 50, precision of the pooled methods) on
{images} real images, of which {screened} charts, diagrams and multi-panel figures are screened
out by their labels. **No person judged here**: the labels of the manifest stand in for people
(same case 5, same label 4, same body location 3, same kind of picture other than a photograph 2,
else 1), and the study is marked so. All stand-ins read the same labels, so agreement between them
is 1 by construction and says nothing about people; a photograph without a class (the captioned
ones) is never relevant, which lowers precision in the open domain.

Reproduce it with

```
{command}
```
"""


def main() -> None:
    options = _options()
    work = options.work.resolve()
    inputs = work / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    rows = _prepare_inputs(options.data.resolve(), inputs, most=options.images)
    environment = os.environ | {
        "LIKENESS_DATA": str(work / "data"),
        "LIKENESS_WEIGHTS": str(options.weights.resolve()),
        "LIKENESS_BACKBONE": options.backbone,
    }

    def manage(*words: str) -> None:
        shown = "manage.py " + " ".join(words)
        sys.stderr.write(f"\n$ {shown.replace(str(work), work.name)}\n")
        started = time.monotonic()
        subprocess.run(  # noqa: S603  our own commands, no shell
            [sys.executable, str(ROOT / "manage.py"), *words], env=environment, check=True
        )
        sys.stderr.write(f"({time.monotonic() - started:.1f} s)\n")

    manage("migrate", "--verbosity", "0")
    manage("import_images", "reference", str(inputs / "manifest.csv"), "--create",
           "--root", str(options.data.resolve()),
           "--captions", str(inputs / "captions.csv"))  # fmt: skip
    manage(
        "screen_images",
        "reference",
        "--labels",
        str(inputs / "screening.csv"),
        "--labels-only",
    )
    _make_people(manage, done=work / "people.done")
    _unless(work / "study.done", manage, "create_study", "reference", "--collection", "reference",
            "--from", str(inputs / "study.toml"))  # fmt: skip
    manage("extract_features", "reference", *_repeat("--space", SPACES))
    manage("build_pools", "reference")
    manage("plan_assignments", "reference")
    same = [f"{column}={level}" for column, level in LEVEL_OF_SAME.items()]
    _unless(work / "judged.done", manage, "simulate_assessors", "reference",
            "--copy", "reference-labels", "--labels", *_repeat("--same", same))  # fmt: skip
    for folder, command in (("report", "report"), ("release", "export_study")):
        _unless(work / f"{folder}.done", manage, command, "reference-labels",
                "--out", str(work / folder))  # fmt: skip
    text = _summary(work / "release", rows=rows, options=options)
    sys.stdout.write(text)
    if options.record:
        whole = with_sections_of(options.record, text=text)
        options.record.write_text(whole, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--weights", type=Path, required=True, help="folder of safetensors")
    parser.add_argument("--backbone", default="resnet50", choices=["resnet50", "resnet18"])
    parser.add_argument("--images", type=int, default=0, help="at most so many (0: all)")
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "reference")
    parser.add_argument("--record", type=Path, help="write the tables to this Markdown file")
    return parser.parse_args()


def _prepare_inputs(data: Path, inputs: Path, *, most: int) -> list[dict[str, str]]:
    """Manifest, captions, screening labels and study.toml in the forms that the commands read."""
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise SystemExit(f"{manifest} does not exist: --data must name the folder that holds it.")
    medical = {row["path"]: row for row in _read(data / "medical_captions.csv")}
    rows = []
    for row in _read(manifest):
        more = medical.get(row["path"], {})
        rows.append(
            {
                "file_name": row["path"],
                "image_id": row["path"].removeprefix("images/"),
                # Flickr8k has captions, not classes.
                "label": "" if row["label"] == "flickr8k" else row["label"],
                "kind": row["kind"],
                "look": "" if row["kind"] == "photo" else row["kind"],
                "case": more.get("case", ""),
                "location": more.get("location", ""),
                "domain": row["domain"],
                "licence": row["licence"],
            }
        )
    queries = _choose_queries(rows)
    if most:
        rows = _thin_out(rows, most=most, keep={row["image_id"] for _, _, row in queries})
    known = {row["image_id"] for row in rows}
    captions = [
        {"image_id": row["path"].removeprefix("images/"), "caption": row["caption"]}
        for name in ("captions.csv", "medical_captions.csv")
        for row in _read(data / name)
        if row["path"].removeprefix("images/") in known
    ]
    _write(inputs / "manifest.csv", rows)
    _write(inputs / "captions.csv", captions)
    _write(
        inputs / "screening.csv",
        [
            {"image_id": row["image_id"], "label": row["kind"]}
            for row in rows
            if row["kind"] in SCREENED_KINDS
        ],
    )
    (inputs / "study.toml").write_text(_study_toml(queries), encoding="utf-8")
    return rows


def _choose_queries(rows: list[dict[str, str]]) -> list[tuple[str, str, dict[str, str]]]:
    """(query id, category, row): of each label the image whose id hashes lowest: nobody chose."""
    chosen = []
    for category, (_, labels) in CATEGORIES.items():
        for label in labels:
            candidates = [row for row in rows if row["label"] == label]
            row = min(candidates, key=lambda row: _hash(row["image_id"]))
            chosen.append((f"q{len(chosen) + 1:03d}", category, row))
    return chosen


def _thin_out(rows: list[dict[str, str]], *, most: int, keep: set[str]) -> list[dict[str, str]]:
    """Queries, then others by their hash: a fair sample that is the same every time."""
    ranked = sorted(rows, key=lambda row: (row["image_id"] not in keep, _hash(row["image_id"])))
    sample = {row["image_id"] for row in ranked[:most]}
    return [row for row in rows if row["image_id"] in sample]


def _study_toml(queries: Iterable[tuple[str, str, dict[str, str]]]) -> str:
    lines = [
        'name = "Reference study"',
        'collection = "reference"',
        'protocol = "graded_pair"',
        f"methods = [{', '.join(repr(space) for space in SPACES)}]",
        "depth = 50",
        "overlap = 0.10",
        "seed = 2017",
    ]
    for category, (groups, _) in CATEGORIES.items():
        names = ", ".join(f'"{group.strip()}"' for group in groups.split(","))
        lines += ["", "[[category]]", f'name = "{category}"', f"groups = [{names}]"]
    for query_id, category, row in queries:
        lines += ["", "[[query]]", f'id = "{query_id}"', f'category = "{category}"']
        lines += [f'image = "{row["image_id"]}"']
    return "\n".join(lines).replace("'", '"') + "\n"


def _make_people(manage, *, done: Path) -> None:  # type: ignore[no-untyped-def]
    if done.exists():
        return
    for group, number in PEOPLE.items():
        for index in range(1, number + 1):
            manage("create_user", f"{group.lower()}{index}", "--role", "assessor",
                   "--group", group)  # fmt: skip
    done.touch()


def _unless(done: Path, manage, *words: str) -> None:  # type: ignore[no-untyped-def]
    """Run a command that refuses to run twice, once."""
    if not done.exists():
        manage(*words)
        done.touch()


def _summary(
    release: Path,
    *,
    rows: list[dict[str, str]],
    options: argparse.Namespace,
) -> str:
    """docs/reference_run.md, from the release that the run wrote."""
    precision = _read(release / "report" / "precision.csv")
    agreement = _read(release / "report" / "model_agreement.csv")
    judgments = _read(release / "judgments.csv")
    pools = {(row["query_id"], row["image_id"]) for row in _read(release / "pools.csv")}
    screened = sum(row["kind"] in SCREENED_KINDS for row in rows)
    words = ["make reference-run", f"DATA={options.data}", f"WEIGHTS={options.weights}"]
    if options.backbone != "resnet50":
        words.append(f"BACKBONE={options.backbone}")
    if options.images:
        words.append(f"IMAGES={options.images}")
    lines = [
        INTRODUCTION.format(images=f"{len(rows):,}", screened=screened, command=" ".join(words)),
        f"Last run: {options.backbone}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; {len(pools):,} pairs in the pools, {len(judgments):,}",
        "judgments.",
        "",
        "## Precision, all categories",
        "",
        "| Method | " + " | ".join(f"P@{cut}" for cut in CUTS) + " |",
        "|---|" + "---|" * len(CUTS),
    ]
    lines += _table(precision, category="all")
    for category in CATEGORIES:
        lines += ["", f"## Precision, {category}", ""]
        lines += ["| Method | " + " | ".join(f"P@{cut}" for cut in CUTS) + " |"]
        lines += ["|---|" + "---|" * len(CUTS), *_table(precision, category=category)]
    lines += ["", "Brackets: 95 % interval, bootstrap over queries.", ""]
    lines += ["## Common results at 10 and 50, all categories", ""]
    lines += ["| Methods | CR@10 | CR@50 |", "|---|---|---|"]
    common = {
        (row["method_a"], row["method_b"], row["n"]): row["value"]
        for row in agreement
        if row["category"] == "all" and row["measure"] == "CR"
    }
    for first, second in sorted({key[:2] for key in common}):
        values = [_number(common.get((first, second, n), "")) for n in ("10", "50")]
        lines.append(f"| {first} and {second} | {values[0]} | {values[1]} |")
    return "\n".join(lines) + "\n"


def _table(precision: list[dict[str, str]], *, category: str) -> Iterator[str]:
    cells = {
        (row["method"], row["measure"]): row for row in precision if row["category"] == category
    }
    for method in SPACES:
        values = []
        for cut in CUTS:
            row = cells[method, f"P@{cut}"]
            interval = f" [{_number(row['ci_low'])}, {_number(row['ci_high'])}]"
            values.append(_number(row["value"]) + (interval if row["ci_low"] else ""))
        yield f"| {method} | " + " | ".join(values) + " |"


def _number(cell: str) -> str:
    return f"{float(cell):.3f}" if cell else "n/a"


def _repeat(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
