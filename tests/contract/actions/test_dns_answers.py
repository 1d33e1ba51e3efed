"""What a zone's name server answers is compared with what it shall answer, over real UDP and TCP."""

import socket

from runbook_engine.actions.aws.dns_answers import dns_problems
from runbook_engine.actions.aws.route53 import Record

NAME = "app.reviews.example"  # the only one that `serve_names` serves


def ask(server, *records):
    return [problem.text for problem in dns_problems(records, [server], timeout=2.0)]


def weighted(value, weight):
    return Record(name=NAME, values=[value], set_identifier=value, weight=weight)


def test_a_record_without_weight_may_not_be_answered(serve_names):
    server = serve_names(("A", ("192.0.2.1",)))
    old, new = weighted("192.0.2.1", 0), weighted("192.0.2.2", 100)
    assert ask(server, old, new) == [f"answers A {NAME}. with 192.0.2.1 instead of 192.0.2.2"]
    assert ask(server, weighted("192.0.2.1", 1), new) == []


def test_order_and_spelling_do_not_matter(serve_names):
    server = serve_names(("TXT", ('"one" "two"', '"three"')), ("AAAA", ("2001:db8::1",)))
    assert ask(server, Record(name=NAME.upper(), type="TXT", values=['"three"', '"one" "two"'])) == []
    assert ask(server, Record(name=NAME, type="AAAA", values=["2001:0DB8:0::1"])) == []


def test_nothing_for_that_type(serve_names):
    server = serve_names(("TXT", ('"x"',)))
    assert ask(server, Record(name=NAME, values=["192.0.2.1"])) == [
        f"answers A {NAME}. with nothing instead of 192.0.2.1"
    ]


def test_long_answer_comes_by_tcp(serve_names):
    values = [f"192.0.{number // 250}.{number % 250}" for number in range(400)]
    assert ask(serve_names(("A", tuple(values))), Record(name=NAME, values=values)) == []


def test_alias_must_only_have_an_answer(serve_names):
    alias = Record(name=NAME, alias={"zone": "Z1", "name": "lb.example.com"})
    assert ask(serve_names(("A", ("192.0.2.7",))), alias) == []
    assert ask(serve_names(("TXT", ('"x"',))), alias) == [f"has no answer for A {NAME}."]


def test_silent_server_is_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        problems = dns_problems(
            [Record(name=NAME, values=["192.0.2.1"])], [f"127.0.0.1:{silent.getsockname()[1]}"], timeout=0.2
        )
    assert "did not answer for A app.reviews.example." in str(problems[0])


def test_name_of_a_server_that_does_not_exist_is_told():
    problems = dns_problems([Record(name=NAME, values=["192.0.2.1"])], ["no-such-host.invalid"], timeout=0.2)
    assert "did not answer" in str(problems[0])


def test_value_that_is_none_of_its_type_is_told(serve_names):
    assert (
        "a value of A app.reviews.example. is not valid" in ask(serve_names(), Record(name=NAME, values=["primary"]))[0]
    )
