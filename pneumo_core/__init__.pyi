from .errors import PneumoError as PneumoError
from .film import read_radiograph as read_radiograph
from .keras_network import load_classifier as load_classifier
from .read import case_report as case_report, read_xray as read_xray
