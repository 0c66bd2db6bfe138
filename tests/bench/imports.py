"""What importing the components costs beside the SDKs that they cannot do without."""

from __future__ import annotations

from tests.bench.measure import python, ratio
from tests.bench.rows import RATIO, Report, Row

SDKS = "import pulumi, pulumi_aws, pulumi_eks, pulumi_kubernetes, pulumi_random, pulumi_vault"
COMPONENTS = "import components"


def rows(report: Report) -> None:
    """Each in a fresh interpreter, in turns."""
    for program in (SDKS, COMPONENTS):  # read from disk, and compiled, once
        python(program)
    report(
        Row(
            "import components ÷ its SDKs",
            ratio(lambda: python(COMPONENTS), lambda: python(SDKS)),
            RATIO,
            1.05,
        )
    )
