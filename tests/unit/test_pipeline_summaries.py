"""What the pipeline writes for a pull request's comment, a job's summary or an issue."""

from pipeline import summary
from pipeline.report import Change, Report, Violation

ADVICE = "Why: another caller could log in.\nMend: name the sub."


def refusal(name: str, policy: str = "trust-pins-sub", mandatory: bool = True) -> Violation:
    return Violation(policy, mandatory, f"aws:iam:Role {name}", f"Trust pins sub\nno sub.\n{ADVICE}")


def test_the_summary_of_a_refused_preview_says_why() -> None:
    violations = [Violation("no-sudo", False, "the stack", "is | wide\nopen")]
    text = summary.of_preview("prod", Report(False, violations=violations, errors=["``` is wrong"]))
    assert text.startswith("### `prod`: refused\n\n```\n''' is wrong\n```\n")
    assert "| should: no-sudo | the stack | open |" in text
    assert "- no-sudo: is \\| wide\n" in text


def test_the_summary_says_once_for_each_rule_what_it_asks_for() -> None:
    report = Report(False, violations=[refusal("api"), refusal("web")])
    text = summary.of_preview("prod", report)
    assert "| must: trust-pins-sub | aws:iam:Role api | no sub. |" in text
    assert "| must: trust-pins-sub | aws:iam:Role web | no sub. |" in text
    assert (
        "- trust-pins-sub: Trust pins sub<br>Why: another caller could log in.<br>Mend: name the sub." in text
    )
    assert text.count("another caller could log in") == 1
    assert "```" not in text  # the program and the engine had no complaint


def test_the_summary_tells_of_a_guardrail_that_says_but_one_line() -> None:
    text = summary.of_preview("dev", Report(False, violations=[Violation("p", True, "the stack", "is open")]))
    assert "| must: p | the stack | is open |\n" in text
    assert "- p" not in text


def test_a_summary_without_any_reason_gives_the_engines() -> None:
    assert "```\nthe engine gave no reason\n```" in summary.of_preview("dev", Report(False))


def test_the_summary_tells_which_guardrails_do_not_hold() -> None:
    text = summary.of_preview("dev", Report(True), "not every guardrail is enforced: keyless is advisory")
    assert "\nNot every guardrail is enforced: keyless is advisory.\n" in text
    assert "guardrail" not in summary.of_preview("dev", Report(True))


def test_a_long_table_is_cut_and_says_so() -> None:
    changes = [Change("create", "aws:iam:Role", f"role-{number}") for number in range(1000)]
    text = summary.of_preview("dev", Report(True, changes))
    shown = text.count("| create |")
    assert f"| … | {1000 - shown} more | | |" in text
    assert 50 < shown < 1000


def test_what_is_mandatory_is_cut_last() -> None:
    violations = [refusal(f"role-{number}", mandatory=False) for number in range(500)] + [refusal("must")]
    assert "aws:iam:Role must" in summary.of_preview("dev", Report(False, violations=violations))


def test_three_summaries_fit_into_one_comment() -> None:
    violations = [
        Violation(f"rule-{number}", True, "|" * 2000, "\n".join(["says|" * 500, "what|" * 500, ADVICE]))
        for number in range(50)
    ]
    changes = [
        Change("update", "a:b:C", f"very-long-{number}" * 90, ("key",) * 100, "gone") for number in range(200)
    ]
    report = Report(False, changes, violations=violations, errors=["e" * 99_000])
    caveat = "not every guardrail is enforced: " + "x" * 5000
    assert len(summary.of_preview("staging", report, caveat)) < 65_536 / 3 - 100


def test_a_name_with_a_bar_stays_in_its_cell() -> None:
    report = Report(True, [Change("create", "aws:iam:Role", "a|b", ("c|d",))])
    assert "| create | `aws:iam:Role` a\\|b | `c\\|d` |  |" in summary.of_preview("dev", report)
    assert "a\\|b" in summary.of_drift("dev", report)


def test_what_drift_could_not_look_at_stays_in_its_block() -> None:
    assert "```\n''' is wrong\n```" in summary.of_drift("dev", Report(False, errors=["``` is wrong"]))
