"""The fragility strip of a film: its score under twelve small changes, and where its flag flips."""

import streamlit as st

from pages.parts.shared.model_state import ready_classifier
from pages.parts.shared.problems import problems_shown
from pages.parts.shared.session_results import kept
from pneumo_core.explain import fragility_of, small_changes
from pneumo_core.read import READINGS, Reading

# The strip is one row of twelve where there is room, else rows of six or three.
STYLE = """<style>
.fragility { display: grid; grid-template-columns: repeat(12, 1fr); gap: 0.3rem; list-style: none;
  margin: 0 !important; padding: 0 !important; }
.fragility li { border: 1px solid rgba(128,128,128,0.45); border-radius: 0.3rem; padding: 0.2rem 0.3rem;
  margin: 0 !important;
  font-size: 14px; line-height: 1.25; display: flex; flex-direction: column; min-width: 0; }
.fragility li span:first-child { flex: 1; }
.fragility .flips { border: 2.5px solid currentColor; }
.st-key-fragility { container-type: inline-size; }
@container (max-width: 950px) { .fragility { grid-template-columns: repeat(6, 1fr); } }
@container (max-width: 480px) { .fragility { grid-template-columns: repeat(3, 1fr); } }
</style>"""


def fragility_view(reading: Reading, point_name: str) -> None:
    """Draw the strip of a film, one a population asked.

    A session scores a film once, and lets the films of other sessions go first.
    """
    film = reading.radiograph
    with st.container(key="fragility", gap="small"):
        words = st.empty()

        def say_busy(ahead: int) -> None:
            words.markdown(f"Busy: {ahead} ahead of you. This X-ray's small changes are scored after them ...")

        def scored() -> tuple[float, ...]:
            with READINGS.turn(say_busy, gives_way=True):
                return small_changes(ready_classifier(), reading.pixels_read)

        with problems_shown():
            # The logits are the same for every population.
            changed: tuple[float, ...] = kept(reading.card, film.sha256, "small changes", scored)
            words.html(STYLE)
            for one in reading.verdicts:
                population, threshold = one.population, one.population.operating_point(point_name).threshold
                found = fragility_of(one.prediction.probability, changed, population.calibration)
                of = f"By the limits for {population.name}: " if len(reading.verdicts) > 1 else ""
                st.markdown(f"**{of}{found.in_words(threshold)}**")
                st.html(found.strip(threshold))
            st.markdown(
                "Each change is so small that a reader would read the X-ray alike. A flag that flips says little, and "
                "a flag that holds can still be wrong."
            )
            return
        # The button needs no handler: any click draws this part of the page again.
        st.button("Score the X-ray's small changes", icon=":material/refresh:", key="score_small_changes")
