"""A film covered, turned, brighter: score, heat map, and where its flag flips."""
