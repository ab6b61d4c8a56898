"""The parts of the pages: a folder of each page, and `shared` for frame, messages and cached values."""
