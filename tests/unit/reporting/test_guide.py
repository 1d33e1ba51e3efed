import shlex
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.app.guide_words import command, condition, shown
from runbook_engine.reporting.guide import Fact, Guide, GuideStep, guide_html, guide_markdown

HOSTILE = st.text(alphabet=st.sampled_from(list("ab`<>&\"'*_[]|#\n")), min_size=1, max_size=30)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@given(text=HOSTILE, command=HOSTILE)
def test_what_a_runbook_says_stays_text(text, command):
    step = GuideStep(id="a", name=text, action="x.y", command=command, facts=(Fact(text, text),), notes=(text,))
    guide = Guide(name="book", title="Title", description=text, steps=(step,))
    page = Tags()
    page.feed(guide_html(guide))
    known = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "pre"}
    assert set(page.tags) <= known
    assert page.tags.count("h3") == 1
    written = guide_markdown(guide)
    assert sum(line.startswith("### ") for line in written.splitlines()) >= 1
    assert command.rstrip() in written  # a command is there to be copied as it is


def test_a_command_with_fences_can_not_leave_its_block():
    step = GuideStep(id="a", name="a", action="x.y", command="echo\n```\n# not a head\n```")
    lines = guide_markdown(Guide(name="b", title="b", steps=(step,))).splitlines()
    assert "````sh" in lines
    assert lines.count("````") == 1


def test_steps_refer_to_each_other_by_number():
    steps = (GuideStep(id="one", name="1", action="a"), GuideStep(id="two", name="2", action="a", after=("one",)))
    assert "Not before step 1 ended well." in guide_markdown(Guide(name="b", title="b", steps=steps))


def test_templates_as_people_read_them():
    assert shown("cp {{ a | quote }} {{b}}") == "cp «a» «b»"
    assert shown("{{ secret('env:PW') }}") == "«the secret env:PW»"
    assert shown("{{ secret(where) | quote }}") == "«the secret where»"
    assert shown("{{ steps['x'].endpoint }}:{{ port | default(1) }}") == "«endpoint of step x»:«port»"


def test_statements_of_templates_as_people_read_them():
    assert shown("{% for one in many | dict2items %}\n{{ one.key }}={# why #}\n{% endfor %}") == (
        "«for each one in many:»\n«one.key»=\n«end of each»"
    )


def test_conditions_are_sentences():
    assert condition("steps['a'].outcome == 'changed' or x") == "Only if step a changed something or x."


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="«»{}\0"), max_size=12), min_size=1, max_size=5)
)
def test_the_words_of_a_command_are_what_a_shell_makes_of_it(words):
    assert shlex.split(command(words)) == words


def test_values_of_the_readers_own_stay_readable_in_commands():
    assert command(["cp", "{{ a }}/x", "a b", "$HOME"]) == "cp «a»/x 'a b' '$HOME'"
    assert command("echo no >&2; exit 1") == "( echo no >&2; exit 1 )"
