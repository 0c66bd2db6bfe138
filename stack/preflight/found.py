"""What a look-up says of a thing."""

from dataclasses import dataclass, field

from stack.preflight.objects import Made, Thing


@dataclass
class Findings:
    """What was looked up somewhere."""

    there: dict[Thing, str] = field(default_factory=dict)
    """What is there, and what can be seen of who made it; empty where nothing can."""

    unseen: dict[str, list[Made]] = field(default_factory=dict)
    """What could not be looked up, by the reason."""

    def miss(self, made: Made, reason: str) -> None:
        """Note that a thing could not be looked up."""
        self.unseen.setdefault(reason, []).append(made)
