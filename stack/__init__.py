"""From a stack file to components: `file.py` reads it, `sections.py` says which keys it has, `rules.py` what must
hold between them, and `compose.py` declares the components. `python -m stack` works on stacks as a whole."""
