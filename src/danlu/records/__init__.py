"""What else to keep: the study's folder with its trials' files, checkpoints, logs and exports."""
