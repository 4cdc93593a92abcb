"""Chapter 16b, fairness: who is served badly, and what it costs to serve them better."""
