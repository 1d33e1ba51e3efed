"""The lab's own pages show what is there, and nothing in a message can run in the reader's browser."""

from email.message import EmailMessage

import pytest

from runbook_engine.lab.pages import mail, mail_list, overview


def write(mailbox, name="0001.eml", **headers):
    message = EmailMessage()
    for head, value in {"From": "dr@example.com", "To": "all@example.com", **headers}.items():
        message[head] = value
    message.set_content("<script>alert(1)</script>")
    (mailbox / name).write_bytes(message.as_bytes())


def text_of(page):
    return page.get_data(as_text=True)


def test_what_a_message_holds_is_shown_as_text(tmp_path):
    write(tmp_path, Subject="<img src=x onerror=alert(1)>")
    for page in (mail_list(tmp_path), mail(tmp_path, "0001.eml")):
        assert "<script>" not in text_of(page)
        assert "<img" not in text_of(page)
        assert "&lt;img" in text_of(page)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "&lt;script&gt;alert(1)" in text_of(mail(tmp_path, "0001.eml"))


def test_a_message_in_an_unknown_character_set_is_shown_as_it_came(tmp_path):
    (tmp_path / "0001.eml").write_bytes(b"Subject: x\r\nContent-Type: text/plain; charset=martian\r\n\r\nhello")
    assert "hello" in text_of(mail(tmp_path, "0001.eml"))


@pytest.mark.parametrize("name", ["0002.eml", "../lab.json", "..%2flab.json", "log.ndjson", ""])
def test_nothing_but_messages_is_shown(tmp_path, name):
    write(tmp_path)
    assert mail(tmp_path, name).status_code == 404


def test_the_newest_message_is_the_first(tmp_path):
    write(tmp_path, "0001.eml", Subject="older")
    write(tmp_path, "0002.eml", Subject="newer")
    assert text_of(mail_list(tmp_path)).index("newer") < text_of(mail_list(tmp_path)).index("older")


def test_the_first_page_says_what_is_broken_and_which_hosts_are_down():
    page = overview({"broken": ["region us-east-1"], "apps": {"primary-1": None, "standby-1": 7}}, {"app": "http://x/"})
    for text in ("Broken: region us-east-1", "<th>primary-1</th><td>down", "process 7", 'href="http://x/"'):
        assert text in text_of(page)
