"""What a protocol brings to a new study: its scale, the cuts of it, and guidelines.

How its answers are checked and stored is the assessment room's business.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StudyProtocol:
    """Defaults of a protocol.

    Attributes:
        scale: `{"level", "name", "description"}`, highest level first.
        aggregations: cuts of the scale in two, `12-345` for levels 1, 2 against 3, 4, 5.
        relevance: the aggregation that decides what a relevant result is.
        guidelines: Markdown, for categories that bring none.
    """

    name: str
    title: str
    scale: tuple[dict[str, Any], ...]
    aggregations: tuple[str, ...]
    relevance: str
    guidelines: str


# Paper 1, "Assessment Guidelines": content and thing are the only words that frame the task.
GRADED_PAIR = StudyProtocol(
    name="graded_pair",
    title="How similar are two images?",
    scale=(
        {
            "level": 5,
            "name": "Very similar",
            "description": "The same content: they show the same thing, or things.",
        },
        {
            "level": 4,
            "name": "Similar",
            "description": "Similar content, with differences that matter little.",
        },
        {
            "level": 3,
            "name": "Somewhat similar",
            "description": "Similar content in part, or with differences that matter.",
        },
        {
            "level": 2,
            "name": "Graphically similar",
            "description": "Close in shape or colour, but not in content.",
        },
        {
            "level": 1,
            "name": "Very different",
            "description": "Neither the content nor the look is close.",
        },
    ),
    aggregations=("1-2345", "12-345", "123-45", "1234-5"),
    relevance="12-345",
    guidelines="""\
Compare the **candidate** with the **query** and say how similar their content is.

Two images have a **similar content** if they describe the same **thing**, or things. You decide
which things in an image are the important ones: there is no right answer to find, and what the
images were taken for, or which text once stood beside them, plays no part.

If the content is similar:

* **5, very similar**
* **4, similar**
* **3, somewhat similar**

If the content is not similar:

* **2, graphically similar**: close in shape or colour, but not in content
* **1, very different**
""",
)

PROTOCOLS = {protocol.name: protocol for protocol in (GRADED_PAIR,)}
DEFAULT_PROTOCOL = GRADED_PAIR.name
