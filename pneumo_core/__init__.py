"""Pneumo's core library: from one chest X-ray to an explained score. No Streamlit in here.

The way of one X-ray::

    radiograph = read_radiograph(file, name)        # radiograph: DICOM, PNG, JPEG -> pixels with a promise
    classifier = load_classifier(Path("model"))     # classifier: network + model card, as one thing
    reading = read_xray(classifier, radiograph)     # reading: suitability -> network + Grad-CAM, one pass
    reading.prediction                              # calibrated probability
    reading.explanation                             # Grad-CAM heat map, the size of the radiograph
    html = case_report(reading, ...)                # report

From labelled X-rays to a new model: `cases` -> `training` (with `augmentation`, `evaluation`) -> `model_card`.

The floors, lowest first. A module imports only from floors below its own
(`tests/test_floors.py` keeps it so), and each outside package has one home:

    0  errors         refusals in words a clinician can act on
    0  places         where models and samples lie
    0  wording        sentences that read the same everywhere
    1  pixels         what all image files have in common: limits, grey pixels, what was read
    2  image_file     read PNG and JPEG                                                   (Pillow)
    2  dicom_file     read DICOM                                                          (pydicom)
    3  radiograph     read one chest X-ray from any of them, bounded and checked
    1  cases          labelled X-rays on disk, grouped and split by patient
    1  preprocessing  from pixels to what the network expects                             (OpenCV)
    1  evaluation     how often a classifier is right: counts, curves, intervals
    2  calibration    from logits to probabilities and thresholds
    4  suitability    is this a frontal chest X-ray, and of the population the model knows?
    3  model_card     what must be known about a model, kept beside its weights
    4  network        the Keras graph, its files, and the device it runs on
    4  augmentation   random changes of training films, as Keras layers
    5  gradcam        where the network looked                                            (tf-keras-vis)
    5  training       fit a network on cases, calibrate it, choose its thresholds
    6  classifier     the network and its card, as one thing that scores an X-ray
    7  reading        one X-ray read end to end: suitability, score, heat map
    8  figures        plotly figures and colour maps                                      (plotly)
    9  picture        films and heat maps as pictures
   10  report         a reading in words and as files: HTML report, JSON receipt, overlay PNG
   11  __main__       the command line over the same functions                            (click)

This package imports no other module by itself: importing Keras takes seconds, and a
page that needs no network must not pay for it.
"""

import os

# Before anything imports TensorFlow: its notes on missing GPUs would bury the answers of the command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
