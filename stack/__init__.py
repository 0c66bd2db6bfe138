"""From a stack file to components: `file.py` reads it, `sections.py` lists its keys, `rules.py` says what must
hold between them, and `compose.py` declares the components. `python -m stack` works on whole stacks."""
