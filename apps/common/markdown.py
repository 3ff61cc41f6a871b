"""Markdown that admins write, as HTML that is safe to show."""

import nh3
from markdown_it import MarkdownIt

_TAGS = {"a", "abbr", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em", "hr", "li", "ol"}
_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "p", "pre", "s", "strong", "sub", "sup", "ul"}
_TAGS |= {"table", "tbody", "td", "th", "thead", "tr"}
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def rendered(text: str) -> str:
    """HTML of a Markdown text: structure and links only, no images, styles or scripts."""
    return nh3.clean(
        _PARSER.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
    )
