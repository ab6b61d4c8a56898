"""DICOM files: header, frame, grey. The one home of pydicom and its decoders."""
