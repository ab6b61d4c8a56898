"""Pneumo's core library: from one chest X-ray to an explained score. No Streamlit in here.

The way of one X-ray::

    from pneumo_core import case_report, load_classifier, read_radiograph, read_xray

    radiograph = read_radiograph("film.dcm")        # film: DICOM, PNG, JPEG, TIFF, BMP -> pixels with a promise
    classifier = load_classifier()                  # keras_network: network + model card, as one thing
    reading = read_xray(classifier, radiograph)     # read: admission (gate) -> network -> heat map, one pass
    reading.prediction                              # calibrated probability
    reading.explanation                             # Grad-CAM heat map, the size of the radiograph
    html = case_report(reading, ...)                # read: a printable report

The rooms, from the top down. A room imports only rooms below its own line, and is entered through its `__init__`,
which hands on its public names lazily: importing Keras takes seconds, and a page that needs no network must not pay
for it. `pyproject.toml` holds the rule for import-linter::

    cli                          the command line, thin over the same functions as the pages
    learn    serve    explain    teach | what guards the pages, and background work | why, and does it hold
    evaluate  train   read       many X-rays | make a model | one X-ray
    keras_network                the one door to Keras: load, check, run, explain
    network                      what an engine and a classifier are, whoever runs them       (no Keras)
    models                       what is kept of a model: card, store, challenge, conformal   (no Keras)
    data                         labelled X-rays on disk, tables, audit
    gate     draw                may it be scored? | pictures and the look of charts
    lungs                        the lungs' outline, and its meaning                         (no Keras)
    film                         bytes -> pixels; DICOM in a folder of its own
    files                        whole files, locks, zips, and where things lie
    stats                        arrays -> figures with intervals, and how they are said
    errors wording               refusals, and sentences that read the same everywhere

An outside package's home is a file name: plotly in `figures.py`, jinja in `report.py`, pydicom in `film/dicom/`.
Their unpromised parts are used in files called `*_inside.py` alone.
"""

import os
import sys

import lazy_loader

if sys.platform == "win32":
    raise ImportError(
        "Pneumo runs on Linux and macOS, and this is Windows. Please use the Windows Subsystem for Linux (WSL)."
    )

# Before anything imports TensorFlow: its notes on missing GPUs would bury the answers of the command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
