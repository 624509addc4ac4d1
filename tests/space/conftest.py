from hypothesis import settings

# a busy machine must not fail a property: examples are few, but no single one has a deadline
settings.register_profile("danlu", deadline=None, max_examples=50)
settings.load_profile("danlu")
