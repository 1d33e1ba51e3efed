"""What did not end well: grouped by reason, the worst first, and told in few lines."""

from runbook_engine.model.event import RunClosed, TaskBlocked
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.html import render_html
from runbook_engine.reporting.markdown import render_markdown
from runbook_engine.reporting.text import render_text
from runbook_engine.reporting.troubles import group_troubles, hosts_in_words, trouble_lines


def standings(step, hosts, reason, state="failed"):
    return [(f"{step}@{host}", state, reason.replace("%", host)) for host in hosts]


def names(count, start=0):
    return [f"h{number:04}" for number in range(start, start + count)]


def test_the_same_reason_on_many_hosts_is_one_group_although_it_names_the_host():
    (group,) = group_troubles(standings("copy", names(40), "sh ended with exit status 1 on %: no disk"))
    assert (group.state, group.step, group.reason) == ("failed", "copy", "sh ended with exit status 1 on HOST: no disk")
    assert group.targets == tuple(names(40))


def test_a_name_that_is_part_of_a_word_is_no_name():
    hosts = ["a", "web", "web.lan", "db-1"]
    (group,) = group_troubles(standings("copy", hosts, "%: the webserver at web.lan.example failed at data"))
    assert group.reason == "HOST: the webserver at web.lan.example failed at data"
    (group,) = group_troubles(standings("copy", ["web", "web.lan", "db-1", "db-10"], "%:22: no answer from user@%."))
    assert group.reason == "HOST:22: no answer from user@HOST."


def test_up_to_three_tasks_stand_alone_with_their_own_reason():
    groups = group_troubles(standings("copy", names(3), "no disk on %"))
    assert [(group.tasks, group.reason) for group in groups] == [
        ((f"copy@{host}",), f"no disk on {host}") for host in names(3)
    ]


def test_the_worst_comes_first_and_of_a_step_what_hit_most():
    groups = group_troubles(
        [
            *standings("b", names(9), "copy did not end well on %", "blocked"),
            *standings("a", names(4), "lost", "unreachable"),
            *standings("a", names(1, 50), "odd"),
            *standings("a", names(8, 60), "usual"),
            *standings("a", names(1, 80), "who knows", "in doubt"),
        ]
    )
    assert [(group.state, len(group.tasks)) for group in groups] == [
        ("failed", 8), ("failed", 1), ("unreachable", 4), ("in doubt", 1), ("blocked", 9),
    ]  # fmt: skip


def test_reasons_that_all_differ_are_compared_by_their_first_lines():
    found = [(f"copy@{host}", "failed", f"exit status 1 on {host}:\ntook {host}.{host} ms") for host in names(30)]
    (group,) = group_troubles(found)
    assert group.reason == "exit status 1 on HOST:"
    assert len(group_troubles(standings("copy", names(5), "exit 1:\npid %%1"))) == 5, "few are told as they are"


def test_tasks_of_a_loop_name_a_host_once():
    (group,) = group_troubles([(f"copy[{item}]@web1", "failed", "no disk") for item in range(5)])
    assert group.targets == ("web1",)
    assert "on 1 host (5 tasks): no disk" in next(iter(trouble_lines([group])))


def test_lines_name_some_hosts_and_count_the_rest_within_the_width():
    groups = group_troubles(standings("copy", names(400), "no disk"))
    lines = list(trouble_lines(groups, most=20, names=10, width=80))
    assert lines[0] == "  failed       copy on 400 hosts: no disk"
    assert " ".join(" ".join(lines[1:]).split()) == f"{' '.join(names(10))} and 390 more"
    assert all(len(line) <= 80 for line in lines)
    everything = " ".join(trouble_lines(groups, width=80)).split()
    assert set(names(400)) <= set(everything)


def test_no_more_lines_than_asked_for_and_the_rest_is_counted():
    groups = group_troubles(
        [*standings("a", names(2), "x"), *standings("b", names(7), "y"), *standings("c", ["z"], "")]
    )
    lines = list(trouble_lines(groups, most=2))
    assert len(lines) == 3
    assert lines[-1] == "  … and 8 more"


def test_names_can_not_play_with_the_terminal():
    assert hosts_in_words(["a\x1b[2J", "b\nc"], 0) == "a\\x1b[2J b ⏎ c"


def many(story):
    """A run on 1,000 hosts: 37 failed alike, one otherwise, two were unreachable, and all those were blocked later."""
    story.opened([("copy", 1000), ("use", 1000)])
    hosts = names(1000)
    for number, host in enumerate(hosts):
        outcome = "failed" if number < 38 else "unreachable" if number < 40 else "changed"
        error = {"failed": f"no disk on {host}" if number else "bad luck", "unreachable": f"{host}: no answer"}
        story.did(f"copy@{host}", outcome, took=0, error=error.get(outcome, ""))
    for number, host in enumerate(hosts):
        task = f"use@{host}"
        if number < 40:
            story.say(TaskBlocked(task=task, because=f"copy did not end well on {host}"))
        else:
            story.did(task, took=0)
    return build_report(story.say(RunClosed(status="succeeded")).events)


def test_a_summary_of_a_thousand_hosts_is_short_and_says_what_failed_first(story):
    lines = render_text(many(story)).splitlines()
    assert len(lines) < 30
    assert "1000 hosts: 38 failed, 2 unreachable, 960 changed" in lines
    begin = lines.index("Needs attention:")
    assert lines[begin + 1] == "  failed       copy on 37 hosts: no disk on HOST"
    assert "h0001 h0002" in lines[begin + 2]
    assert lines[begin + 3] == "  failed       copy@h0000  bad luck"
    assert lines[begin + 4] == "  unreachable  copy@h0038  h0038: no answer"
    assert lines[begin + 6] == "  blocked      use on 40 hosts: copy did not end well on HOST"
    assert lines[begin + 7] == "  (`runbook status r-1` names them all)"
    assert sum("tolerated" in line for line in lines) == 1
    assert any("tolerated 40 failures of copy" in line for line in lines)


def test_reports_have_the_groups_and_the_hosts_by_outcome(story):
    report = many(story)
    assert {outcome.value: count for outcome, count in report.hosts.items()} == {
        "failed": 38, "unreachable": 2, "changed": 960,
    }  # fmt: skip
    assert [len(trouble.targets) for trouble in report.troubles] == [37, 1, 1, 1, 40]
    markdown = render_markdown(report)
    assert "| failed | copy | 37 | h0001 h0002" in markdown
    assert markdown.index("## Needs attention") < markdown.index("## Recovery")
    page = render_html(report)
    assert "<summary>37 hosts</summary>h0001 h0002" in page
    assert "hosts: 38 failed, 2 unreachable, 960 changed" in page


def test_few_hosts_are_told_one_by_one_and_this_machine_is_no_host(story):
    story.opened([("copy", 2), ("note", 1)]).did("copy@web1", "failed", error="no disk").did("copy@web2")
    report = build_report(story.did("note@localhost", "failed").say(RunClosed(status="failed")).events)
    assert sum(report.hosts.values()) == 2
    text = render_text(report)
    assert "  failed       copy@web1  no disk" in text
    assert "hosts:" not in text
    assert "names them all" not in text


def test_what_a_limit_with_at_stood_for_is_in_the_reports(story):
    story.opened([("copy", 1)], limit="@failed", limit_hosts=("web1", "web2"))
    report = build_report(story.did("copy@web1").events)
    assert report.limit_hosts == ("web1", "web2")
    assert "@failed (2 hosts: web1 web2)" in render_html(report)
    assert "failed \\(2 hosts: web1 web2\\)" in render_markdown(report)
