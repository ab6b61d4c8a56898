"""Seven ways to explain one film, side by side."""
