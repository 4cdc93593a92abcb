"""Chapter 16b, privacy: does a published quantile give one customer's order away?"""
