"""Sections of docs/reference_run.md, each written by the script that measured it.

A section stands between `<!-- NAME -->` and `<!-- end of NAME -->`. Writing one leaves the others
as they are; writing the run itself keeps them all, at the end.
"""

import re
from pathlib import Path

_SECTION = re.compile(r"<!-- (?!end of )([\w-]+) -->\n.*?<!-- end of \1 -->\n", re.DOTALL)


def record_section(path: Path, *, name: str, text: str) -> None:
    """Put a section in the place of the one of the same name, or at the end of the file."""
    section = f"<!-- {name} -->\n{text.rstrip()}\n<!-- end of {name} -->\n"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    for found in _SECTION.finditer(before):
        if found[1] == name:
            path.write_text(
                before[: found.start()] + section + before[found.end() :], encoding="utf-8"
            )
            return
    path.write_text(before.rstrip() + "\n\n" + section, encoding="utf-8")


def with_sections_of(path: Path, *, text: str) -> str:
    """`text` followed by the sections that the file at `path` has now."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    return "\n".join([text.rstrip() + "\n", *(found[0] for found in _SECTION.finditer(before))])
