"""Plotly figures of what if."""
