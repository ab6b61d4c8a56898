"""Training: audit the films, plan a run, watch it; a model is made, and none is replaced."""

from pages.parts.audit_view import audit_view
from pages.parts.cached import card_of_active_model
from pages.parts.frame import frame
from pages.parts.plan_view import plan_view
from pages.parts.problems import problems_shown
from pages.parts.train_steps import DATA, PLAN, chosen_step
from pages.parts.training_view import training_view

frame("Training")
with problems_shown():
    # None is needed here; that there is none is worth knowing.
    card_of_active_model()
step = chosen_step()
with problems_shown():
    if step == DATA:
        audit_view()
    elif step == PLAN:
        plan_view()
    else:
        training_view()
