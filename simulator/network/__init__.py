"""Networks as the model sees them: typed layers, the builder that makes them, and what follows from them."""
