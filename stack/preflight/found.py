"""What a look-up says of a thing."""

from dataclasses import dataclass, field

from stack.preflight.objects import Made, Thing


@dataclass
class Findings:
    """What was looked up somewhere."""

    there: dict[Thing, str] = field(default_factory=dict)
    """What is there, and what can be seen of who made it; empty where nothing can."""

    absent: set[Thing] = field(default_factory=set)
    """What is certainly not there."""

    unseen: dict[str, list[Made]] = field(default_factory=dict)
    """What could not be looked up, by the reason."""

    def miss(self, made: Made, reason: str) -> None:
        """Note that a thing could not be looked up."""
        self.unseen.setdefault(reason, []).append(made)

    def add(self, other: "Findings") -> None:
        """Add what was looked up elsewhere. What either has found is there."""
        for thing, seen in other.there.items():
            self.there.setdefault(thing, seen)
        self.absent = (self.absent | other.absent) - self.there.keys()
        for reason, things in other.unseen.items():
            self.unseen.setdefault(reason, []).extend(things)
