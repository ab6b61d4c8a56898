"""Several methods of explaining side by side on one film."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.learn.population import classifier_to_learn_from
from pages.parts.shared.cached import methods
from pages.parts.shared.named import anew
from pages.parts.shared.session_results import on_request
from pneumo_core.draw import Display, enlarged, film_picture, fitted, overlay_picture
from pneumo_core.read import Reading

if TYPE_CHECKING:
    from pneumo_core.explain import MethodResult

COLUMNS, PICTURE_PIXELS = 4, 260


def methods_view(reading: Reading) -> None:
    """Draw the lesson about a film."""
    st.markdown(
        "Seven methods ask one network why it gave this X-ray its score. They measure different things and need not "
        "agree. Where they disagree, none of them is *the* explanation."
    )
    film = reading.prepared
    results = on_request(
        reading.card,
        reading.radiograph.sha256,
        "methods",
        "Explain this X-ray in seven ways",
        lambda progress: methods(classifier_to_learn_from(), reading.card.weights_sha256).explain_all(film, progress),
    )
    if results is not None:
        with anew(reading.card.identity, reading.radiograph.sha256):
            _grid(reading, results)


def _grid(reading: Reading, results: "list[MethodResult]") -> None:
    fitted_film = fitted(reading.pixels_read, PICTURE_PIXELS)
    film = film_picture(enlarged(fitted_film, PICTURE_PIXELS, PICTURE_PIXELS), Display())
    cells = [
        (film, "The X-ray", f"Probability {100 * reading.prediction.probability:.1f} %."),
        *(
            (
                overlay_picture(film, result.explanation.heatmap(*film.shape), Display(opacity=0.7)),
                f"{result.method.name}, {result.milliseconds:,.0f} ms",
                f"{result.method.measures} *{result.method.source}*{result.agreement_in_words}",
            )
            for result in results
        ),
    ]
    for first in range(0, len(cells), COLUMNS):
        with st.container(key=f"methods_{first}"):
            for place, (picture, title, words) in zip(st.columns(COLUMNS), cells[first : first + COLUMNS], strict=True):
                with place:
                    st.image(picture, width=PICTURE_PIXELS, alt=title)
                    st.markdown(f"**{title}** · {words}")
