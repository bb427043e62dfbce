"""Draw the app's icon: a passage with the answer marked in it.

python ios_app/Tools/draw_icon.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

ICON = Path(__file__).parents[1] / "QADemo/App/Assets.xcassets/AppIcon.appiconset/AppIcon.png"
SIZE, SCALE = 1024, 4
"""In pixels; drawn larger and shrunk, for smooth edges."""
TOP, BOTTOM = (38, 70, 140), (16, 28, 66)
PAPER, INK, MARK = (246, 247, 250), (150, 160, 182), (255, 204, 64)
LINES = ((250, 774), (250, 690), (250, 774), (250, 600))
"""Left and right end of each line of text."""
MARKED = (2, 420, 700)
"""The line that is marked, and from where to where."""


def draw() -> Image.Image:
    """The icon, without transparency, as the App Store wants it."""
    side = SIZE * SCALE
    icon = Image.new("RGB", (side, side))
    pen = ImageDraw.Draw(icon)
    for y in range(side):
        share = y / side
        colour = tuple(round(a + (b - a) * share) for a, b in zip(TOP, BOTTOM, strict=True))
        pen.line([(0, y), (side, y)], fill=colour)

    def bar(left: float, top: float, right: float, bottom: float, radius: int, fill: tuple) -> None:
        box = [value * SCALE for value in (left, top, right, bottom)]
        pen.rounded_rectangle(box, radius * SCALE, fill)

    bar(170, 190, 854, 834, 70, PAPER)
    for number, (left, right) in enumerate(LINES):
        middle = 320 + 128 * number
        if number == MARKED[0]:
            bar(MARKED[1] - 26, middle - 48, MARKED[2] + 26, middle + 48, 30, MARK)
        bar(left, middle - 19, right, middle + 19, 19, INK)
        if number == MARKED[0]:
            bar(MARKED[1], middle - 19, MARKED[2], middle + 19, 19, BOTTOM)
    return icon.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().save(ICON, optimize=True)
