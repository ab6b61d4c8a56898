from .network import load_classifier as load_classifier
from .film import read_radiograph as read_radiograph
from .read import case_report as case_report, read_xray as read_xray
