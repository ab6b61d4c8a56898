"""Plotly figures of explanations and of their test."""
