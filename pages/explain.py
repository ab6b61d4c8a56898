"""Explain an X-ray: upload X-rays or choose samples; read score, flag and heat map."""

from pages.parts.explain.film_view import film_view
from pages.parts.explain.intake import ask_for_films, reader_settings
from pages.parts.explain.worklist import worklist
from pages.parts.shared.cached import card_of_active_model
from pages.parts.shared.films import films_at_hand, read_waiting
from pages.parts.shared.frame import frame
from pages.parts.shared.problems import problems_shown

frame("Explain an X-ray")
with problems_shown():
    card = card_of_active_model()
    ask_for_films()
    read_waiting(card)
    if films_at_hand():
        point_name, prevalence = reader_settings(card)
        film = worklist(card, films_at_hand(), point_name)
        if film is not None:
            film_view(film, point_name, prevalence)
