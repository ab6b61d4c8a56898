"""Models: the list, a candidate against the model in use, promotion and roll back, files."""

from pages.parts.models.challenge_view import gate_view
from pages.parts.models.files import ask_to_import, model_files_view
from pages.parts.models.list import choose_model
from pages.parts.models.promotion_view import ask_to_promote, last_change_shown, promotion_log, question_shown
from pages.parts.models.record import model_record
from pages.parts.shared.cached import card_of_active_model
from pages.parts.shared.frame import frame
from pages.parts.shared.problems import problems_shown

frame("Models")
with problems_shown():
    # The page goes on without a model in use, since one is chosen here.
    card_of_active_model()
last_change_shown()
entry = choose_model()
if entry is not None:
    if entry.card is not None:
        if not entry.is_active:
            with problems_shown():
                gate_view(entry, entry.card)
            ask_to_promote(entry)
        model_record(entry, entry.card)
    model_files_view(entry)
with problems_shown():
    promotion_log()
ask_to_import()
question_shown()
