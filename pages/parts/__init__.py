"""What the pages share: the frame, messages, cached values, and drawn parts."""
