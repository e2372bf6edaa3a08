import pytest

from rlkd_data.publish.licences import hub_name, normalised, why_refused


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("MIT", "mit"),
        ("mit license", "mit"),
        ("Apache License 2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache license, version 2.0".replace(" ", "-")),
        ("apache_2.0", "apache-2.0"),
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("CC0-1.0", "cc0-1.0"),
        ("ODC-By v1.0", "odc-by"),
        ("The Unlicense", "the-unlicense"),
        ("unlicense", "unlicense"),
    ],
)
def test_spellings_of_one_licence_are_one(written: str, taken: str) -> None:
    assert normalised(written) == taken


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0", "cc-by-sa-4.0", "unlicense", "odc-by", "Llama3.1", "GPL-3.0"])
def test_licences_that_let_rows_be_passed_on(licence: str) -> None:
    assert why_refused(licence) is None


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("CC-BY-NC-4.0", "non-commercial"),
        ("cc by nc sa 4.0", "non-commercial"),
        ("research only", "non-commercial"),
        ("Non-Commercial", "non-commercial"),
        ("CC-BY-ND-4.0", "changed copies"),
        ("proprietary", "pass the rows on"),
        ("All Rights Reserved", "pass the rows on"),
        ("no licence", "pass the rows on"),
        ("no license file in repo", "pass the rows on"),
        ("unlicensed", "pass the rows on"),
        ("problems (c) MAA", "pass the rows on"),
        ("unknown", "pass the rows on"),
        ("not stated in repo", "pass the rows on"),
    ],
)
def test_licences_that_do_not(licence: str, why: str) -> None:
    assert why in str(why_refused(licence))


def test_a_licence_that_the_hub_has_no_name_for_is_other() -> None:
    assert hub_name("modified MIT of somebody") == "other"
