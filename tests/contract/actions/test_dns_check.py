"""dns.check against real name servers on this machine, over real UDP and TCP."""

import socket
import threading

import dns.message
import pytest

from runbook_engine.actions.dns_check import DnsCheck
from runbook_engine.sdk import ActionFailedError
from runbook_engine.testing import ContractCase, check_action_contract, make_context

NAME = "app.reviews.example"  # the only one that `serve_names` serves


@pytest.fixture
def silent():
    """A port that takes questions and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{deaf.getsockname()[1]}"


def look(*servers, values, kind="A", **params):
    action = DnsCheck()
    given = {"name": NAME, "type": kind, "values": values, "servers": list(servers), "timeout": "0.2s", **params}
    return action.check(action.Params.model_validate(given), make_context())


def test_all_servers_must_answer_so_whatever_order_and_spelling(serve_names):
    one, two = serve_names(("A", ("192.0.2.1", "192.0.2.2"))), serve_names(("A", ("192.0.2.2", "192.0.2.1")))
    found = look(one, two, values=["192.0.2.2", "192.0.2.1"], name=f"{NAME.upper()}.")
    assert found.satisfied
    assert found.outputs["answers"][one] == ["192.0.2.1", "192.0.2.2"]
    six = serve_names(("AAAA", ("2001:db8::1",)))
    assert look(six, values=["2001:0DB8:0::1"], kind="AAAA").satisfied


def test_a_server_with_the_old_answer_is_named(serve_names):
    one, two = serve_names(("A", ("192.0.2.1",))), serve_names(("A", ("192.0.2.9",)))
    found = look(one, two, values=["192.0.2.1"])
    assert not found.satisfied
    assert found.summary == f"A {NAME} is to be 192.0.2.1; {two} answers 192.0.2.9"
    some = look(one, two, values=["192.0.2.1"], least=1)
    assert some.satisfied
    assert f"but {two} answers 192.0.2.9" in some.summary


def test_a_silent_server_is_no_good_one(serve_names, silent):
    one = serve_names(("A", ("192.0.2.1",)))
    found = look(one, silent, values=["192.0.2.1"])
    assert not found.satisfied
    assert f"{silent} did not answer" in found.summary


def test_that_a_name_has_nothing_can_be_wanted(serve_names):
    server = serve_names(("A", ("192.0.2.1",)))
    assert look(server, values=[], kind="TXT").satisfied
    assert look(server, values=[], name="other.reviews.example").satisfied
    assert not look(server, values=[]).satisfied
    assert not look(server, values=["192.0.2.1"], name="other.reviews.example").satisfied
    assert "REFUSED" in look(server, values=[], name="elsewhere.example").summary


def test_upper_and_lower_case_are_one_in_names_and_two_in_texts(serve_names):
    server = serve_names(("TXT", ('"Key"',)), ("CNAME", ("Standby.reviews.example.",)))
    assert look(server, values=['"Key"'], kind="TXT").satisfied
    assert not look(server, values=['"key"'], kind="TXT").satisfied
    assert look(server, values=["standby.REVIEWS.example."], kind="CNAME").satisfied


def test_a_name_is_one_with_and_without_its_last_dot(serve_names):
    server = serve_names(("CNAME", ("standby.reviews.example.",)))
    assert look(server, values=["standby.reviews.example"], kind="CNAME").satisfied


def test_a_server_that_does_not_answer_for_the_zone_itself_proves_nothing():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        def answer_from_memory():
            question, asker = other.recvfrom(4096)
            other.sendto(dns.message.make_response(dns.message.from_wire(question)).to_wire(), asker)

        answering = threading.Thread(target=answer_from_memory)
        answering.start()
        found = look(f"127.0.0.1:{other.getsockname()[1]}", values=[], timeout="60s")
        answering.join()
    assert not found.satisfied
    assert "without authority" in found.summary


def test_a_port_that_is_none_is_told():
    found = look("127.0.0.1:99999", "127.0.0.1:x", values=[])
    assert "127.0.0.1:99999 did not answer: 99999 is no port" in found.summary
    assert "127.0.0.1:x did not answer" in found.summary


def test_a_value_that_is_none_is_told(serve_names):
    with pytest.raises(ActionFailedError, match="no value of type A"):
        look(serve_names(), values=["not an address"])


@pytest.mark.parametrize("wrong", [{"servers": []}, {"servers": ["a", "a"]}, {"type": "a b"}, {"name": ""}])
def test_what_can_not_be_asked_is_refused(wrong):
    with pytest.raises(ValueError, match="validation error"):
        DnsCheck.Params.model_validate({"name": NAME, "values": [], "servers": ["a"], **wrong})


def test_it_holds_to_the_contract(serve_names):
    params = {"name": NAME, "values": ["192.0.2.1"], "servers": [serve_names(("A", ("192.0.2.1",)))]}
    check_action_contract(DnsCheck(), [ContractCase("it", params, make_context)])
