"""Colours that mean the same in the pages, the figures and the report.

Methods: the eight colours of Okabe and Ito (2008), told apart in all common forms of colour
blindness, then four dark ones for studies of many methods; more methods than colours go round
again. Levels: one sequential ramp, pale sand to
deep blue, whose lightness falls steadily. frontend/src/config has the same colours, which a test
there compares with these.
"""

from collections.abc import Sequence

QUALITATIVE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#B8A900",
    "#5B5B5B",
    "#882255",
    "#332288",
    "#117733",
    "#8A5A33",
)
RAMP = ("#EADFAE", "#A9D0AE", "#5CB0B6", "#2F7FAE", "#263F87")


def method_colours(methods: Sequence[str]) -> dict[str, str]:
    """One colour per method, by its place in the study's list."""
    return {name: QUALITATIVE[at % len(QUALITATIVE)] for at, name in enumerate(methods)}


def level_colours(n_levels: int) -> list[str]:
    """Colours from the lowest level to the highest, evenly along the ramp."""
    steps = max(n_levels - 1, 1)
    return [_along(place / steps) for place in range(n_levels)]


def _along(share: float) -> str:
    place = share * (len(RAMP) - 1)
    left = min(int(place), len(RAMP) - 2)
    mixed = (
        round(
            int(RAMP[left][at : at + 2], 16) * (1 - place + left)
            + int(RAMP[left + 1][at : at + 2], 16) * (place - left)
        )
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{value:02X}" for value in mixed)
