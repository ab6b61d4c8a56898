"""Pneumo's core library: from one chest X-ray to an explained score. No Streamlit in here.

The way of one X-ray::

    radiograph = read_radiograph(file, name)        # radiograph: DICOM, PNG, JPEG -> pixels with a promise
    classifier = load_classifier(Path("model"))     # classifier: network + model card, as one thing
    reading = read_xray(classifier, radiograph)     # reading: suitability -> network + Grad-CAM, one pass
    reading.prediction                              # calibrated probability
    reading.explanation                             # Grad-CAM heat map, the size of the radiograph
    html = case_report(reading, ...)                # report

From labelled X-rays to a new model: `audit` -> `plan` -> `training_run` -> `training` (by `fitting`) -> `model_card`.
From labelled X-rays to figures: `sources` -> `batch` (kept by `runs`) -> `cohort` -> `assessment` ->
`evaluation_report`; from an archive of them to Parquet: `cluster`.

The floors, lowest first. A module imports only from floors below its own
(`tests/test_floors.py` keeps it so), and each outside package has one home:

    0  cells               cells of a table that no spreadsheet takes for a formula
    0  errors              refusals in words a clinician can act on
    0  versions            which Python and packages are at work
    0  freed_memory        what is freed goes back to the system
    0  setting             one setting that a person may change: its name, range, help, and when it applies
    0  report_style        how reports look that are written as pages
    0  whole_file          write a file so that it is whole or not there
    0  wording             sentences that read the same everywhere
    0  age                 an age as files and people write it
    1  places              where models, samples, runs and data lie
    1  table               a table of films (CSV), whatever wrote it: its text, columns and rows
    1  plan                what a training run is to do: data, network, recipe
    1  jpeg_stream         whether a JPEG stream holds all of its picture
    1  pixels              what all image files have in common: limits, grey pixels, what was read
    1  cases               labelled X-rays on disk, grouped and split by patient
    1  preprocessing       from pixels to what the network expects                                (OpenCV)
    1  bootstrap           resampling patients, for figures without a closed interval
    1  known_films         the films that a model was trained on, to be recognised
    1  small_zip           a zip of a few known files, unpacked within bounds
    1  audit_log           who did what with which film, as lines that are only added, chained by their hashes
    1  ends                why work ended before its end, as a sentence
    1  sign_in             sign-in by a shared passphrase: its hash, who is signed in, how often one may try
    1  session_end         a session that was left lets go of what it keeps
    1  reading_queue       the films of all sessions in one line before the network, few at work at a time
    2  quality             exposure, blur, rotation, what was cut off, writing, frames: measured on a film
    2  locks               locks that end with their holder; processes that hold one
    2  input_gate          the learned judgement whether a picture is a chest X-ray to be read
    2  image_file          read PNG and JPEG                                                      (Pillow)
    2  dicom_file          read DICOM                                                             (pydicom)
    2  decoder             untrusted files become pixels in processes of their own, which can be killed
    2  evaluation          how often a classifier is right: counts, rates, areas, intervals
    2  negatives           pictures that are no chest X-ray, for the input gate to learn
    2  sources             films to be scored: folders, zips, CSVs, uploads
    2  web_guard           what every request passes before the pages: whose it is, how much it brings
    3  manifest            which film is for what: a split as a table
    3  decoder_process     the process that decodes: files in, pixels or a refusal out, no rights
    3  radiograph          read one chest X-ray from any of them, bounded and checked
    3  curves              what every threshold would give: ROC, precision and recall, net benefit, costs
    3  comparison          two models on the same films
    3  runs                a run of many films, and what stands of it on disk
    3  calibration         from logits to probabilities and thresholds
    4  suitability         is this a frontal chest X-ray, and of the population the model knows?
    5  admission           may this X-ray be scored? the one door for all who score
    4  model_card          what must be known about a model, kept beside its weights
    5  training_log        what training says of each epoch, line by line
    4  gate                a candidate against the model in use: what was found, and what it says
    4  training_films      films in memory, dealt out in batches
    4  quiz                a reader against the network on the same films
    5  training_run        a training run in its folder: plan, state, log; started, watched, stopped
    5  starts              where a network's first weights may come from, and whether they can be had
    5  input_gate_record   what came of fitting a model's input gate
    5  network             the Keras graph, its files, and the device it runs on
    5  augmentation        random changes of training films, as Keras layers
    5  cohort              the films of a run as arrays, the groups among them, what metadata alone can do
    5  lessons             what stored scores teach: threshold, prevalence, shortcuts, splits, calibration
    6  gradcam             where the network looked                                               (tf-keras-vis)
    6  conformal           likely, uncertain or unlikely, at a stated coverage
    6  audit               what is wrong with a folder of labelled films, before anything is trained on it
    6  network_file        a .keras file from elsewhere, checked before it is loaded                (h5py)
    6  engine              what runs a network: TensorFlow, or OpenVINO where it is asked for       (OpenVINO)
    7  fitting             fit a network to films: stages, checkpoints, the best epoch
    7  assessment          a run of labelled films evaluated
    7  audit_report        an audit as an HTML page
    7  classifier          the network and its card, as one thing that scores an X-ray
    7  gradcam_trace       Grad-CAM step by step, at any layer, for teaching
    8  paired_comparison   score a candidate and the model in use on the same films
    8  known_answers       how a model scored the samples where it was made
    8  reading             one X-ray read end to end: suitability, score, heat map
    8  batch               many films through the network, as a pipeline in flat memory
    8  what_if             a film covered, turned, brighter: score, heat map, and where its flag flips
    9  fragility           a film's score under twelve small changes: does its flag hold?
    9  recalibration       calibrate, choose thresholds, test: after a fit, again for a network, for a blend of several
   10  training            train as a plan says, and write the model
    9  jobs                runs at work in the background of the server
    9  model_store         the models of an installation: in use and back, deleted, exported, imported
    9  cluster             an archive of films on many machines, as partitions of Parquet            (Ray)
    9  figures             plotly figures and colour maps                                         (plotly)
    8  input_gate_fit      fit the input gate of a model
    9  gradcam_steps       the steps of Grad-CAM in words and formulas
    9  explanation_methods seven ways to explain one film, side by side
   10  doubts              what speaks against putting a model in use
   10  picture             films and heat maps as pictures
   10  evaluation_figures  plotly figures of an evaluation
   10  explanation_test    can a heat map be trusted? randomised weights, small changes, deletion
   11  training_figures    plotly figures of a training run
   11  training_pictures   what a network is shown and where it looks, epoch by epoch
   11  report              a reading in words and as files: HTML report, JSON receipt, overlay PNG
   12  reading_line        a reading as a line of JSON
   11  evaluation_report   an evaluation as files: JSON, CSV, HTML
   11  explanation_survey  the tests of a model's heat maps over many films
   11  explanation_figures plotly figures of explanations and of their test
   11  what_if_figures     plotly figures of what if
   11  lesson_figures      plotly figures of the lessons
   12  gate_report         a comparison with the model in use as tables, a chart and words
   13  __main__            the command line over the same functions                               (click)

This package imports no other module by itself: importing Keras takes seconds, and a
page that needs no network must not pay for it.
"""

import os

# Before anything imports TensorFlow: its notes on missing GPUs would bury the answers of the command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
