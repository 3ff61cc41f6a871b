"""What keeping `r_full` in 16-bit floats changes: overlap of the best results with 32-bit floats.

    python scripts/float16_overlap.py --data DATA --weights WEIGHTS [--record FILE]

DATA holds `manifest.csv` (path, ...) and the pictures; WEIGHTS holds `resnet50.safetensors`. Every
image becomes a vector of layer 5A by the extractor itself; the best of 200 of them, spread evenly
over the manifest, are searched once in the 32-bit vectors and once in the same rounded to 16 bits,
queries included, as the shards and `build_pools` have them.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sections import record_section  # noqa: E402

from apps.catalog.imaging import open_upright  # noqa: E402
from apps.retrieval.compute.extractors.resnet import ResNetLayer5A  # noqa: E402
from apps.retrieval.compute.pipeline import prepared_ahead  # noqa: E402
from apps.retrieval.compute.search import Neighbours, euclidean  # noqa: E402
from apps.retrieval.compute.weights import find_weights  # noqa: E402

QUERIES = 200
CUTS = (10, 50)

SECTION = """\
## `r_full` in 16-bit floats

`r_full` is kept in float16, half the disk of float32. Of the best results of {queries} queries over
{images} real images ({backbone}, vectors of layer 5A; queries rounded too), the part that both
precisions have in common:

| Results | Mean overlap | Least overlap | Queries with the same set | Queries with the same order |
|---|---|---|---|---|
{table}

Reproduce it with

```
{command}
```
"""


def main() -> None:
    options = _options()
    vectors = _vectors(options)
    count = len(vectors)
    own = np.linspace(0, count - 1, min(QUERIES, count)).astype(np.int64)
    rounded = vectors.astype(np.float16)
    exact = _best(vectors, queries=vectors[own], own=own)
    halves = _best(rounded, queries=rounded[own].astype(np.float32), own=own)
    text = SECTION.format(
        queries=len(own),
        images=f"{count:,}",
        backbone=options.backbone,
        table="\n".join(_line(exact, halves, cut=cut) for cut in CUTS),
        command=" \\\n    ".join(
            [
                "python scripts/float16_overlap.py",
                f"--data {options.data} --weights {options.weights}",
                "--record docs/reference_run.md",
            ]
        ),
    )
    sys.stdout.write(text)
    if options.record:
        record_section(options.record, name="float16", text=text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--weights", type=Path, required=True, help="folder of safetensors")
    parser.add_argument("--backbone", default="resnet50", choices=["resnet50", "resnet18"])
    parser.add_argument("--images", type=int, default=0, help="every n-th, so many (0: all)")
    parser.add_argument("--record", type=Path, help="write the section to this Markdown file")
    parser.add_argument("--keep", type=Path, help="keep the vectors (.npy), or read them from it")
    return parser.parse_args()


def _vectors(options: argparse.Namespace) -> npt.NDArray[np.float32]:
    """Layer 5A of every image of the manifest in float32, shape (images, 25088)."""
    if options.keep and options.keep.exists():
        kept: npt.NDArray[np.float32] = np.load(options.keep, mmap_mode="r", allow_pickle=False)
        return kept
    with (options.data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        paths = [options.data / row["path"] for row in csv.DictReader(file)]
    if options.images:
        paths = paths[:: max(1, len(paths) // options.images)][: options.images]
    found = find_weights(folder=str(options.weights), backbone=options.backbone)
    extractor = ResNetLayer5A(weights=found, device="cpu")

    def prepare(path: Path) -> npt.NDArray[np.uint8]:
        upright, _ = open_upright(path.read_bytes(), max_pixels=10**8)
        return extractor.prepare(np.asarray(upright))

    rows = np.empty((len(paths), extractor.dimensions["r_full"]), dtype=np.float32)
    batch: list[npt.NDArray[np.uint8]] = []
    size = extractor.batch_size
    for number, one in enumerate(prepared_ahead(paths, prepare=prepare, workers=2, ahead=2 * size)):
        batch.append(one)
        if len(batch) == size or number == len(paths) - 1:
            stop = number + 1
            # Not `extract`, which rounds to 16 bits.
            rows[stop - len(batch) : stop] = extractor.activations(batch).flatten(1).numpy()
            batch = []
    if options.keep:
        np.save(options.keep, rows, allow_pickle=False)
    return rows


def _best(
    rows: npt.NDArray[np.floating], *, queries: npt.NDArray[np.float32], own: npt.NDArray[np.int64]
) -> list[Neighbours]:
    return euclidean(
        queries=queries,
        shards=[rows],
        first=0,
        eligible=np.ones(len(rows), dtype=np.bool_),
        own=own,
        k=max(CUTS),
    )


def _line(exact: list[Neighbours], halves: list[Neighbours], *, cut: int) -> str:
    pairs = [
        (one.ordinals[:cut].tolist(), other.ordinals[:cut].tolist())
        for one, other in zip(exact, halves, strict=True)
    ]
    overlaps = [len(set(one) & set(other)) / cut for one, other in pairs]
    same_set = sum(overlap == 1 for overlap in overlaps)
    same_order = sum(one == other for one, other in pairs)
    return (
        f"| best {cut} | {np.mean(overlaps):.4f} | {min(overlaps):.2f} | "
        f"{same_set} of {len(pairs)} | {same_order} of {len(pairs)} |"
    )


if __name__ == "__main__":
    main()
