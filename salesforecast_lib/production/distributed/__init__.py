"""Chapter 18, several processes and machines."""
