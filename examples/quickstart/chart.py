"""Draws a loss curve as SVG, by hand."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 28, 76, 52
COLOURS = ["#4f6bed", "#12a594", "#e5484d", "#f5a524"]


def draw_loss(history):
    """One curve over all epochs, coloured by attempt, so that it shows where the run went on."""
    top = max(point["loss"] for point in history)
    ceiling = next(step for step in (0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 10) if step >= top or step == 10)
    last = max(history[-1]["epoch"], 2)

    def place(point):
        x = LEFT + (point["epoch"] - 1) / (last - 1) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - min(point["loss"] / ceiling, 1) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    parts = [frame(history), grid(ceiling, last), area([place(point) for point in history])]
    for number, attempt in enumerate(sorted({point["attempt"] for point in history})):
        colour = COLOURS[number % len(COLOURS)]
        own = [index for index, point in enumerate(history) if point["attempt"] == attempt]
        # From the last point of the attempt before, so that the curve has no gap.
        line = " ".join(place(point) for point in history[max(own[0] - 1, 0) : own[-1] + 1])
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="3" '
                     'stroke-linejoin="round" stroke-linecap="round"/>')
        name = f"attempt {attempt}, {history[own[0]]['platform']}"
        parts.append(label(number, name, colour))
        if number > 0:
            parts.append(mark(place(history[own[0]]), colour))
    return "\n".join(parts) + "\n</svg>\n"


def frame(history):
    """The card and its title."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">\n'
        "<title>Loss by epoch</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="#fcfcfd"/>\n'
        f'<text x="{LEFT}" y="34" font-size="18" font-weight="600" fill="#1c2024">Learning to write numbers</text>\n'
        f'<text x="{LEFT}" y="54" fill="#60646c">loss by epoch, {history[-1]["loss"]:.3f} at the end</text>'
    )


def grid(ceiling, last):
    """Lines across with their values, and the epochs below."""
    parts = []
    for step in range(5):
        y = HEIGHT - BOTTOM - step / 4 * (HEIGHT - TOP - BOTTOM)
        colour = "#e0e1e6" if step else "#8b8d98"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"/>')
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end" fill="#60646c">'
                     f"{ceiling * step / 4:.2f}</text>")
    for epoch in sorted({1, last} | set(range(5, last - 1, 5))):
        x = LEFT + (epoch - 1) / (last - 1) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 28}" text-anchor="middle" fill="#60646c">{epoch}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle" fill="#8b8d98">epoch</text>')
    return "\n".join(parts)


def area(points):
    """A light shade under the whole curve."""
    floor = HEIGHT - BOTTOM
    first, last = points[0].split(",")[0], points[-1].split(",")[0]
    corners = f"{first},{floor} {' '.join(points)} {last},{floor}"
    return f'<polygon points="{corners}" fill="#4f6bed" opacity="0.08"/>'


def mark(point, colour):
    """A dot where an attempt took over."""
    x, y = point.split(",")
    return f'<circle cx="{x}" cy="{y}" r="5" fill="#fcfcfd" stroke="{colour}" stroke-width="3"/>'


def label(number, name, colour):
    """The name of an attempt, in its colour."""
    x = WIDTH - RIGHT - 8
    return (f'<text x="{x}" y="{TOP + 14 + number * 18}" text-anchor="end" font-weight="600" '
            f'fill="{colour}">{escape(name)}</text>')
