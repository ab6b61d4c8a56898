"""Doubts about the count of a run: X-rays that are there twice, and patients who are too few, or not known at all."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pneumo_core.data import INDEPENDENT, conflicts_in_words, copies_in_words
from pneumo_core.evaluate.cohort import Cohort
from pneumo_core.stats import FEW_PATIENTS
from pneumo_core.wording import counted

# More groups than these nobody reads in a sentence.
_MOST_NAMED = 5


def doubles_in_words(
    cohort: Cohort, copies: int, contradictory: int, look_alikes: Sequence[Sequence[int]]
) -> Iterator[str]:
    """Say which X-rays are there more than once, and whether they count.

    Args:
        cohort: the X-rays that count.
        copies: how many were left out as copies of these.
        contradictory: how many were left out, since their file has both labels.
        look_alikes: numbers of X-rays that look the same, from 0.
    """
    if copies:
        yield f"{copies_in_words(copies)} left out of the figures."
    if contradictory:
        yield f"{conflicts_in_words(contradictory)} They count in no figure."
    if look_alikes:
        labels = {score.number: score.has_pneumonia for score in cohort.scores}
        films = sum(len(group) for group in look_alikes)
        named = "; ".join(" and ".join(str(number + 1) for number in group) for group in look_alikes[:_MOST_NAMED])
        more = f" and {counted(len(look_alikes) - _MOST_NAMED, 'group')} more" if len(look_alikes) > _MOST_NAMED else ""
        torn = sum(len({labels[number] for number in group}) > 1 for group in look_alikes)
        differing = f" The labels differ in {counted(torn, 'group')}, where one label must be wrong." if torn else ""
        yield (
            f"{films} X-rays look the same as another one, though their files differ: X-rays {named}{more}. Each of "
            f"them counts. If they are copies, n is too large.{differing}"
        )


def patients_in_words(cohort: Cohort) -> Iterator[str]:
    """Say what the intervals take the patients for, and what is wrong with that."""
    n = len(cohort)
    told = Counter(score.patient_from for score in cohort.scores)
    if n and told["nothing"] == n:
        yield f"{INDEPENDENT} If patients repeat, all intervals are too narrow."
    elif told["nothing"]:
        yield (
            f"Nothing tells the patients of {told['nothing']} of {counted(n, 'X-ray')}. These were taken for "
            "independent. If their patients repeat, all intervals are too narrow."
        )
    if told["rounded"]:
        yield (
            f"The patient ids of {counted(told['rounded'], 'X-ray')} were rounded by a spreadsheet, as in 1.2E+10. "
            "They name nobody and were not used. Please save the table again with the ids as text."
        )
    of_class = patients_of_classes(cohort)
    everyone = of_class["with"] + of_class["without"] - of_class["both"]
    if everyone == 1 and n > 1:
        yield (
            f"All {n} X-rays are of one patient, by their names or the table. If they are of several people, please "
            "correct the column patient."
        )
    if of_class["both"]:
        have = "patient has" if of_class["both"] == 1 else "patients have"
        yield (
            f"{of_class['both']} {have} X-rays with both labels. This can be right. Please check that no id stands for "
            "several people."
        )
    if everyone < n:
        if has_few_patients(cohort):
            yield (
                f"No interval by patient is given where a class has fewer than {FEW_PATIENTS} patients: the {n} X-rays "
                f"are of {counted(of_class['with'], 'patient')} with pneumonia and {of_class['without']} without. "
                "One by X-ray would be too narrow, since X-rays of one patient are alike."
            )
        else:
            yield f"{n} X-rays are of {counted(everyone, 'patient')}: all intervals are by patient."


def patients_of_classes(cohort: Cohort) -> Mapping[str, int]:
    """Count the patients "with" pneumonia, "without" it, and those in "both", who count in either."""
    labels: defaultdict[int, set[bool]] = defaultdict(set)
    for patient, has_pneumonia in zip(cohort.patients.tolist(), cohort.has_pneumonia.tolist(), strict=True):
        labels[patient].add(has_pneumonia)
    return {
        "with": sum(True in found for found in labels.values()),
        "without": sum(False in found for found in labels.values()),
        "both": sum(len(found) == 2 for found in labels.values()),
    }


def has_few_patients(cohort: Cohort) -> bool:
    """Tell where patients repeat, and a class has too few of them for an interval by patient."""
    if len(np.unique(cohort.patients)) == len(cohort):
        return False
    of_class = patients_of_classes(cohort)
    return min(of_class["with"], of_class["without"]) < FEW_PATIENTS
