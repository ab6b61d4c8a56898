"""The network that outlines the lungs: built, shown pairs of images and masks, judged on other patients."""
