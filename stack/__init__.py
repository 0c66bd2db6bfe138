"""Work on stacks as a whole: `python -m stack`."""
