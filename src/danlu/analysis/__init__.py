"""What a study means: pure functions of histories."""
