"""Draw the picture of the landing page: eight words in training, from heap to box, as one self-contained SVG.

``python book/_ext/draw_cover.py`` writes ``book/_static/cover.svg``. It is the run that opens the chapter "Predicting
the next token", seen along the concepts' own directions. The page includes the file as it is, so that the words take
the colour of the page's text. The film plays once, and again when pressed; whoever asked for reduced motion gets the
last frame, and so does print.
"""

from pathlib import Path

import numpy as np

from linrep_core import ConceptGraph, LatentConditionalModel, Vocabulary, linearity, train
from linrep_core.figures import PALETTE
from linrep_core.geometry import unembedding_steering_vectors

TARGET = Path(__file__).resolve().parents[1] / "_static" / "cover.svg"
WIDTH, HEIGHT, MARGIN = 520, 330, 30
SECONDS = 5
# how far a step along royal, adult, female goes to the right and upwards on the page
VIEW = np.array([[0.1, 1.0], [0.62, 0.34], [-1.2, 0.16]])


def scenes() -> tuple[list[np.ndarray], str]:
    """Places of the eight words on the page, (8, 2) for each snapshot, and what the picture shows."""
    model, words = LatentConditionalModel(ConceptGraph.random(3, 0.5, seed=4)), Vocabulary.court(3)
    run = train(model, dim=3, steps=400, seed=0, n_snapshots=30, progress=False)
    last = run.snapshots[-1].unembeddings
    directions, signs = np.linalg.qr(np.stack([unembedding_steering_vectors(last, i).mean(0) for i in range(3)]).T)
    view = (directions * np.sign(np.diag(signs))) @ VIEW  # (3 dimensions, 2 on the page)
    flat = [(snapshot.unembeddings - last.mean(0)) @ view for snapshot in run.snapshots]
    low, high = flat[-1].min(0), flat[-1].max(0)
    scale = min((WIDTH - 2 * MARGIN - 100) / (high - low)[0], (HEIGHT - 2 * MARGIN) / (high - low)[1])
    middle = np.array([WIDTH, HEIGHT]) / 2
    places = [middle + (points - (low + high) / 2) * scale * [1, -1] for points in flat]
    cosine = linearity(model, run.predictor).mean["unembedding"]
    description = (
        f"Eight words, {', '.join(words.tokens)}, begin as a heap and come to rest at the corners of a box after "
        f"{run.steps} steps of training. The edges of a concept are nearly parallel: mean cosine {cosine:.2f}."
    )
    return places, description


def _animated(name: str, values: list[float]) -> str:
    series = ";".join(f"{value:.0f}" for value in values)
    return f'<animate attributeName="{name}" values="{series}" dur="{SECONDS}s" begin="0s;cover.click"/>'


def drawing(places: list[np.ndarray], *, moving: bool) -> str:
    """The words and their edges in the last scene, with the earlier ones as animation if `moving`."""
    words = Vocabulary.court(3)
    track = np.stack(places)  # (scenes, 8, 2)
    centre = track[-1].mean(0)

    def motion(**values: np.ndarray) -> str:
        return "".join(_animated(name, list(series)) for name, series in values.items()) if moving else ""

    parts = []
    for concept in range(3):
        for token in range(8):
            other = token | (4 >> concept)
            if other == token:
                continue
            (x1, y1), (x2, y2) = track[-1, token], track[-1, other]
            film = motion(x1=track[:, token, 0], y1=track[:, token, 1], x2=track[:, other, 0], y2=track[:, other, 1])
            ends = f'x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"'
            parts.append(f'<line {ends} stroke="{PALETTE[2 + concept]}">{film}</line>')
    for token, word in enumerate(words.tokens):
        x, y = track[-1, token]
        film = motion(cx=track[:, token, 0], cy=track[:, token, 1])
        parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5">{film}</circle>')
        anchor, dx = ("end", -11) if x < centre[0] else ("start", 11)
        film = motion(x=track[:, token, 0] + dx, y=track[:, token, 1] + 5)
        parts.append(f'<text x="{x + dx:.0f}" y="{y + 5:.0f}" text-anchor="{anchor}">{word}{film}</text>')
    return "\n".join(parts)


def cover() -> str:
    """The whole SVG."""
    places, description = scenes()
    return f"""<svg id="cover" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="cover-text"
 fill="currentColor" style="display:block;width:100%;max-width:40rem;margin:0 auto 1.5rem;cursor:pointer">
<desc id="cover-text">{description}</desc>
<style>
#cover line {{ stroke-width: 2.5; stroke-linecap: round }}
#cover text {{ font-size: 19px; font-weight: 500 }}
#cover .still {{ display: none }}
@media print, (prefers-reduced-motion: reduce) {{
  #cover .film {{ display: none }}
  #cover .still {{ display: inline }}
}}
</style>
<g class="film">
{drawing(places, moving=True)}
</g>
<g class="still">
{drawing(places, moving=False)}
</g>
</svg>
"""


if __name__ == "__main__":
    TARGET.write_text(cover(), "utf8")
