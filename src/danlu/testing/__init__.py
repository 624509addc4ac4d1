"""For authors of plug-ins: conformance kits for strategies, stores, runners, pictures, and what tests of tuning need.

A kit is a class of pytest tests. Subclass it, say how to make what you wrote, and run pytest:

    from danlu.testing.stores import StoreKit

    class TestMyStore(StoreKit):
        def make(self, folder):
            return MyStore(folder / "journal")
"""
