"""What a check found, as a value."""

from nimprofile.doctor.finding import Finding, Status


def test_a_finding_has_no_fix_where_nothing_is_to_be_done():
    assert "" == Finding("port", Status.OK, "8000 is free").fix


def test_the_endings_are_in_order_from_best_to_worst():
    assert ["ok", "skipped", "unknown", "warning", "failed"] == [*Status]
