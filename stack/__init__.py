"""From a stack file to components.

`sections.py` has its keys, `file.py` and `draft.py` read it, `rules.py` says what must hold between sections,
`preflight/` looks what is there already; `compose.py` declares the components.

`python -m stack` works on whole stacks.
"""
