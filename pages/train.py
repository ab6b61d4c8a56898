"""Training: audit the X-rays, plan a run, watch it. A run makes a new model and replaces none."""

from pages.parts.shared.cached import card_of_active_model
from pages.parts.shared.frame import frame
from pages.parts.shared.problems import problems_shown
from pages.parts.train.audit_view import audit_view
from pages.parts.train.plan_view import plan_view
from pages.parts.train.run_view import training_view
from pages.parts.train.steps import DATA, PLAN, chosen_step

frame("Training")
with problems_shown():
    # The page needs no model in use, but says where there is none.
    card_of_active_model()
step = chosen_step()
with problems_shown():
    if step == DATA:
        audit_view()
    elif step == PLAN:
        plan_view()
    else:
        training_view()
