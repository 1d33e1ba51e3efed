import pytest

from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.secret_reference import SecretReference, in_region, parse_reference, regions_of_reference

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:reviews/smtp-AbCdEf"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("env:SMTP", SecretReference("env", "SMTP")),
        ("file:~/a#b?c", SecretReference("file", "~/a#b?c")),
        ("age:s/a.yml.age", SecretReference("age", "s/a.yml.age")),
        ("age:s/a?b.age#smtp.password", SecretReference("age", "s/a?b.age", "smtp.password")),
        ("aws-sm:reviews/db#password", SecretReference("aws-sm", "reviews/db", "password")),
        (
            "aws-sm:db?region=eu-west-1,us-east-1&role=arn%3Aaws%3Aiam::1:role/r&stage=AWSPREVIOUS#p",
            SecretReference(
                "aws-sm", "db", "p", ("eu-west-1", "us-east-1"), "arn:aws:iam::1:role/r", None, "AWSPREVIOUS"
            ),
        ),
        ("aws-ssm:/a/b?account=123456789012", SecretReference("aws-ssm", "/a/b", account="123456789012")),
        (f"aws-sm:{ARN}#p", SecretReference("aws-sm", ARN, "p")),
    ],
)
def test_what_a_reference_says(text, found):
    assert parse_reference(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "is no reference"),
        ("env:", "is no reference"),
        ("vault:x", "no secrets come from 'vault'"),
        ("age:#field", "names nothing"),
        ("age:file#", "field behind # is empty"),
        ("age:file#a..b", "field behind # is empty"),
        ("aws-sm:?region=eu-west-1", "names nothing"),
        ("aws-sm:a?regoin=eu-west-1", "no option 'regoin'"),
        ("aws-sm:a?region=", "no option 'region'"),
        ("aws-sm:a?region=ireland", "'ireland' is no region"),
        ("aws-ssm:/a?stage=AWSPREVIOUS", "no option 'stage'"),
    ],
)
def test_what_is_no_reference(text, words):
    with pytest.raises(InvalidInputError) as caught:
        parse_reference(text)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_misspelt_word_is_put_right():
    with pytest.raises(InvalidInputError) as caught:
        parse_reference("aws-sm:a?regoin=eu-west-1")
    assert "region" in caught.value.hint


def test_an_arn_says_its_region_and_a_replica_has_the_same_arn_elsewhere():
    reference = parse_reference(f"aws-sm:{ARN}")
    assert regions_of_reference(reference) == ("us-east-1",)
    assert regions_of_reference(parse_reference(f"aws-sm:{ARN}?region=eu-west-1")) == ("eu-west-1",)
    assert in_region(reference, "eu-west-1") == ARN.replace("us-east-1", "eu-west-1")
    assert in_region(parse_reference("aws-sm:name"), "eu-west-1") == "name"
