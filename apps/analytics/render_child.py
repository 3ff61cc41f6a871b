"""Vega-Lite to SVG, PNG and PDF, in a process of its own: the renderer brings a browser engine.

Reads {"config", "jobs": [{"spec", "format"}]} as JSON, writes {"results": [base64]}. Run as a
file, by `apps.analytics.rendering` only; it sees no database and reaches no network.
"""

import base64
import json
import re
import sys
from typing import Any

import vl_convert

PNG_SCALE = 2.0
_REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
_RESOURCES = re.compile(rb"(?:(?<=\n)[ ]+/[a-z]+\d+ \d+ 0 R\n){2,}")


def rendered(spec: dict[str, Any], kind: str, config: dict[str, Any]) -> bytes:
    """One figure in one format; the same figure always gives the same bytes."""
    options: dict[str, Any] = {"config": config, "allowed_base_urls": []}
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(spec, **options)).encode()
    if kind == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=PNG_SCALE, **options))
    if kind == "pdf":
        return in_fixed_order(bytes(vl_convert.vegalite_to_pdf(spec, **options)))
    raise ValueError(f"no such format: {kind}")


def in_fixed_order(pdf: bytes) -> bytes:
    """The same PDF with its objects in the order in which the page refers to them.

    The renderer numbers fonts and lists resources in an order that changes from run to run.
    Expects what it writes: one classic cross-reference table and no object streams.

    Raises:
        ValueError: the file has another structure.
    """
    table = re.search(rb"xref\n0 (\d+)\n(.*?)trailer\n(.*?)startxref\n\d+\n%%EOF", pdf, re.DOTALL)
    if table is None:
        raise ValueError("a PDF with one cross-reference table was expected")
    places = sorted(
        int(line[:10]) for line in table.group(2).splitlines() if line.rstrip().endswith(b"n")
    )
    objects: dict[int, tuple[bytes, bytes]] = {}
    for start, end in zip(places, [*places[1:], table.start()], strict=True):
        label, body = pdf[start:end].split(b" 0 obj", 1)
        head, mark, stream = body.partition(b"\nstream\n")
        objects[int(label)] = (_RESOURCES.sub(_sorted_lines, head), mark + stream)
    trailer = table.group(3)
    order: dict[int, int] = {}
    waiting = _references(trailer)[::-1]
    while waiting:
        number = waiting.pop()
        if number not in order:
            order[number] = len(order) + 1
            waiting.extend(_references(objects[number][0])[::-1])

    def renumbered(text: bytes) -> bytes:
        return _REFERENCE.sub(lambda found: b"%d 0 R" % order[int(found.group(1))], text)

    out = bytearray(pdf[: places[0]])
    offsets = []
    for number, new in order.items():
        head, rest = objects[number]
        offsets.append(len(out))
        out += b"%d 0 obj" % new + renumbered(head) + rest
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f\r\n" % (len(order) + 1)
    out += b"".join(b"%010d 00000 n\r\n" % offset for offset in offsets)
    size = re.sub(rb"/Size \d+", b"/Size %d" % (len(order) + 1), trailer)
    out += b"trailer\n" + renumbered(size) + b"startxref\n%d\n%%%%EOF" % start
    return bytes(out)


def _references(text: bytes) -> list[int]:
    return [int(number) for number in _REFERENCE.findall(text)]


def _sorted_lines(lines: re.Match[bytes]) -> bytes:
    return b"".join(sorted(lines.group().splitlines(keepends=True)))


if __name__ == "__main__":
    request = json.load(sys.stdin)
    results = [
        base64.b64encode(rendered(job["spec"], job["format"], request["config"])).decode()
        for job in request["jobs"]
    ]
    json.dump({"results": results}, sys.stdout)
