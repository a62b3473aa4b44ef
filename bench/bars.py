"""Rows of a benchmark as a picture: a bar for Belay, one for each peer, a line for the target."""

import html

WIDTH = 900
LABEL_WIDTH = 330
VALUE_WIDTH = 110
BAR_HEIGHT = 16
GAP = 18
COLOURS = {True: "#2e7d32", False: "#c62828", None: "#1565c0"}
PEER_COLOUR = "#b0bec5"


def text(x, y, words, **attributes):
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<text x="{x}" y="{y}"{extra}>{html.escape(words)}</text>'


def bar(y, label, value, scale, colour, spread=None):
    length = max(1.0, value * scale)
    parts = [
        text(LABEL_WIDTH - 8, y + BAR_HEIGHT - 4, label, text_anchor="end"),
        f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT - 2}" '
        f'fill="{colour}"/>',
    ]
    if spread:
        low, high = (LABEL_WIDTH + edge * scale for edge in spread)
        middle = y + BAR_HEIGHT / 2 - 1
        parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#000" stroke-width="1.5"/>')
        length = max(length, high - LABEL_WIDTH)
    parts.append(text(LABEL_WIDTH + length + 6, y + BAR_HEIGHT - 4, f"{value:,.4g}"))
    return parts


def row_parts(row, y):
    """The drawing of one row from `y` down, and where the next begins."""
    largest = max(row["p90"], row["target"] or 0, *row["peers"].values(), 1e-12)
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / largest
    title = f"{row['name']} ({row['unit']}, {row['better']} is better)"
    parts = [text(8, y + 12, title, font_weight="bold")]
    top = y = y + BAR_HEIGHT + 2
    parts += bar(y, "Belay", row["value"], scale, COLOURS[row["met"]], (row["p10"], row["p90"]))
    for name, value in row["peers"].items():
        y += BAR_HEIGHT
        parts += bar(y, name, value, scale, PEER_COLOUR)
    y += BAR_HEIGHT
    if row["target"] is not None:
        x = LABEL_WIDTH + row["target"] * scale
        parts.append(f'<path d="M{x:.1f} {top - 3}V{y + 1}" stroke="#000" stroke-dasharray="4 2"/>')
        parts.append(text(f"{x:.1f}", y + 12, f"target {row['target']:,.4g}",
                          text_anchor="middle", font_size="10"))
    return parts, y + GAP


def write_svg(rows):
    parts, y = [], 10
    for row in rows:
        drawn, y = row_parts(row, y)
        parts += drawn
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
            f'font-family="sans-serif" font-size="12">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')
