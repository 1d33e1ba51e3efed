"""The judge itself: a request or an answer that the vendor's document does not allow is found."""

import pytest
from support.vendor_documents import BITBUCKET, JIRA, SERVICE_DESK, STATUSPAGE, Answer, Seen, open_document
from support.vendor_server import serve_vendor

JSON = {"content-type": "application/json"}
GOOD = [
    (STATUSPAGE, Seen("GET", "/v1/pages/p/incidents/unresolved", "page=1&per_page=10"), Answer(200, [{"id": "a"}])),
    (STATUSPAGE, Seen("POST", "/v1/pages/p/incidents", "", JSON, b'{"incident": {"name": "Down"}}'), Answer(201, {"id": "a"})),
    (JIRA, Seen("GET", "/rest/api/3/search/jql", "jql=project%3DA&maxResults=50"), Answer(200, {"issues": [], "isLast": True})),
    (SERVICE_DESK, Seen("GET", "/rest/servicedeskapi/request/A-1/comment", "start=0&limit=5"), Answer(200, {"values": [], "isLastPage": True})),
    (BITBUCKET, Seen("GET", "/2.0/repositories/acme", "pagelen=100"), Answer(200, {"values": [{"type": "repository"}]})),
    (BITBUCKET, Seen("POST", "/2.0/repositories/acme/app", "", JSON, b'{"type": "repository", "scm": "git"}'), Answer(200, {"type": "repository"})),
]  # fmt: skip
BAD_REQUESTS = [
    (STATUSPAGE, Seen("POST", "/v1/pages/p/incidents", "", JSON, b'{"incident": {"name": 5}}'), "5 is not of type 'string'"),
    (STATUSPAGE, Seen("POST", "/v1/pages/p/incidents", "", JSON, b'{"incident": {"nam": "x"}}'), "nam"),
    (STATUSPAGE, Seen("GET", "/v1/pages/p/incidents", "size=5"), "no query parameter size"),
    (STATUSPAGE, Seen("GET", "/v1/nowhere"), "nowhere"),
    (JIRA, Seen("GET", "/rest/api/3/search/jql", "maxResults=many"), "maxResults"),
    (BITBUCKET, Seen("GET", "/2.0/repositories/acme", "limit=5"), "no query parameter limit"),
    (BITBUCKET, Seen("POST", "/2.0/repositories/acme/app", "", JSON, b'{"type": "repository", "scm": 5}'), "scm"),
    (BITBUCKET, Seen("POST", "/2.0/repositories/acme"), "no such operation"),
]  # fmt: skip
BAD_ANSWERS = [
    (STATUSPAGE, Seen("GET", "/v1/pages/p/incidents"), Answer(200, {"id": "a"}), "is not of type 'array'"),
    (STATUSPAGE, Seen("GET", "/v1/pages/p/incidents"), Answer(202, []), "202"),
    (JIRA, Seen("GET", "/rest/api/3/search/jql"), Answer(200, {"issues": [{"id": 5}]}), "5 is not of type 'string'"),
    (BITBUCKET, Seen("GET", "/2.0/repositories/acme"), Answer(200, {"values": [{"type": 5}]}), "5 is not of type"),
    (BITBUCKET, Seen("GET", "/2.0/repositories/acme"), Answer(299, {}), "no status 299"),
]


@pytest.mark.parametrize(("name", "seen", "answer"), GOOD)
def test_what_the_document_allows_passes(name, seen, answer):
    document = open_document(name)
    assert document.request_problems(seen) == []
    assert document.answer_problems(seen, answer) == []


@pytest.mark.parametrize(("name", "seen", "words"), BAD_REQUESTS)
def test_request_against_the_document_is_found(name, seen, words):
    assert words in " ".join(open_document(name).request_problems(seen))


@pytest.mark.parametrize(("name", "seen", "answer", "words"), BAD_ANSWERS)
def test_answer_against_the_document_is_found(name, seen, answer, words):
    assert words in " ".join(open_document(name).answer_problems(seen, answer))


def test_server_fails_the_test_that_it_served():
    class Fake:
        def answer(self, seen):
            return Answer(200, {"no": "list"})

    document = open_document(STATUSPAGE)
    server = serve_vendor(Fake(), document)
    running = server.__enter__()
    running.take(Seen("GET", "/v1/pages/p/incidents"))
    with pytest.raises(AssertionError, match="is not of type 'array'"):
        server.__exit__(None, None, None)


def test_without_the_documents_the_tests_are_skipped(monkeypatch):
    monkeypatch.delenv("RUNBOOK_SPECS_DIR", raising=False)
    with pytest.raises(pytest.skip.Exception, match="nothing is held to the vendor"):
        open_document(STATUSPAGE)
