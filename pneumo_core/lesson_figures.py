"""Plotly figures of the lessons."""
