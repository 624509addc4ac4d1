"""WHO IS TOLD: news of a study (best, failure, end) and their delivery to webhooks and commands."""
