"""Names of files, as manifests, archives and browsers give them."""

import re

from apps.common.errors import InvalidError

MAX_NAME = 300
LITTER = {"thumbs.db", "desktop.ini"}
_DRIVE_OR_URL = re.compile(r"^([A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*:/|(file|data|http|https):)")


class BadNameError(InvalidError):
    """A file name that leads out of its folder, or cannot be kept."""

    code = "bad_file_name"


def checked_name(name: str, *, where: str = "", field: str = "file_name") -> str:
    """Return `name` when it is a plain relative POSIX path.

    Raises:
        BadNameError: it is empty, absolute, a URL, longer than 300 characters, leads out of its
            folder, or holds a backslash or a control character.
    """
    shown = repr(name[:80])
    why = ""
    if not name.strip():
        why = "A file name is empty."
    elif len(name) > MAX_NAME:
        why = f"The file name {shown}… is longer than {MAX_NAME} characters."
    elif any(ord(sign) < 32 or ord(sign) == 127 or 0xD800 <= ord(sign) <= 0xDFFF for sign in name):
        why = f"The file name {shown} holds a control character or is not UTF-8."
    elif _DRIVE_OR_URL.match(name):
        why = f"{shown} is a URL or has a drive letter: only files beside it can be named."
    elif "\\" in name:
        why = f"The file name {shown} holds a backslash: write folders with /."
    elif name.startswith("/") or name.endswith("/"):
        why = f"The file name {shown} must be relative and name a file."
    elif any(step in {"", ".", ".."} for step in name.split("/")):
        why = f"The file name {shown} leads out of its folder or is not plain."
    if why:
        raise BadNameError(why, field=field, where=where)
    return name


def is_litter(name: str) -> bool:
    """Whether an operating system left the file there: nobody means it to be an image."""
    steps = name.split("/")
    return (
        any(step.startswith(".") or step == "__MACOSX" for step in steps)
        or steps[-1].lower() in LITTER
    )
