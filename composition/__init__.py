"""From settings to components: a function for each part of the stack, which `__main__.py` puts together.

They decide nothing that settings or components can decide; what a part needs of another is an argument.
"""
