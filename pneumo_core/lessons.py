"""What stored scores teach: threshold, prevalence, shortcuts, splits, calibration."""
