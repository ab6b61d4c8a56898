"""The input gate of a model: what it is fitted with, how it is fitted, and what it then refuses."""
