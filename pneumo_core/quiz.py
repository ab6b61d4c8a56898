"""A reader against the network on the same films."""
