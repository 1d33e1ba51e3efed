"""The page of a run: what it says, and to whom it gives which forms."""

import pytest
from support.dashboard_stage import DANA, ELI, LEE
from support.html_tree import Tree

from runbook_engine.app.steer import decide, order_run
from runbook_engine.model.errors import UsageError
from runbook_engine.web.pages import live, run, task, tasks
from runbook_engine.web.said import WORDS


def page(stage, run_id, viewer=DANA):
    return Tree(run.page(stage.source, viewer, {"run": run_id}))


def answers(tree):
    """The answers that buttons give, each with the task that its form is about."""
    found, task = [], ""
    for tag, attributes in tree.elements:
        if tag == "form":
            task = ""
        elif tag == "input" and attributes.get("name") == "task":
            task = attributes["value"]
        elif tag == "button" and "value" in attributes:
            assert attributes["name"] == "answer"
            found.append((attributes["value"], task))
    return found


def about(tree):
    return {task for _, task in answers(tree) if task}


def test_who_has_the_role_gets_the_form_of_a_gate(stage, gated):
    tree = page(stage, gated)
    task = "declare@localhost"
    assert [one for one in answers(tree) if one[1]] == [("approve", task), ("decline", task)]
    assert "Fail over to eu-west-1?" in tree.text


def test_who_lacks_the_role_is_told_who_can_answer_and_gets_no_button(stage, gated):
    tree = page(stage, gated, ELI)
    assert about(tree) == set()
    assert "Only director can answer." in tree.text
    assert "dana: Dana Example, +1 555 0100" in tree.text


def test_who_only_looks_gets_no_form_at_all(stage, gated, held):
    for run_id in (gated, held):
        tree = page(stage, run_id, LEE)
        assert [one["action"] for one in tree.all("form")] == ["/logout"]


def test_every_form_carries_the_session(stage, gated, held):
    for run_id in (gated, held):
        tree = page(stage, run_id)
        forms = tree.all("form", method="post")
        assert len(forms) == len(tree.all("input", name="csrf", value=DANA.csrf)) > 2
        assert {one["action"] for one in forms} == {f"/runs/{run_id}/answer", "/logout"}


def test_an_answer_says_which_plan_was_seen(stage, gated):
    plan = stage.source.reports.report(stage.journal, gated).fingerprint
    assert page(stage, gated).all("input", name="plan") == [{"type": "hidden", "name": "plan", "value": plan}]


def test_every_answer_is_one_that_the_server_takes(stage, gated, held):
    given = {word for run_id in (gated, held) for word, _ in answers(page(stage, run_id))}
    assert {"approve", "decline", "retry", "skip", "ignore", "pause", "note", "abort"} <= given <= set(WORDS)


def test_held_tasks_of_a_step_are_one_question_and_each_can_be_decided_by_itself(stage, held):
    tree = page(stage, held, ELI)
    assert "deploy is held on 3 targets" in tree.text
    assert about(tree) == {"deploy", "deploy@web1", "deploy@web2", "deploy@web3", "call-provider@localhost"}


def test_failure_and_output_are_told(stage, held):
    tree = page(stage, held)
    assert "sh ended with exit status 3 on" in tree.text
    assert "no space left on device" in tree.text
    assert "deploying" in tree.text


def test_a_decision_of_one_task_leaves_the_others_held(stage):
    run_id = stage.run("failover")
    stage.approve(run_id)
    stage.resume(run_id)
    decide(stage.project, stage.journal, run_id, "deploy@web1", "skip", reason="gone", person="eli")
    tree = page(stage, run_id, ELI)
    assert "deploy is held on 2 targets" in tree.text
    assert "gone" in tree.text  # among the deviations


def test_an_abort_needs_a_second_step_and_a_reason(stage, gated):
    tree = page(stage, gated)
    assert tree.all("input", name="sure", type="checkbox") == [
        {"type": "checkbox", "name": "sure", "value": "yes", "required": ""}
    ]
    assert tree.all("details", id="abort")


def test_a_paused_run_says_so_and_can_go_on(stage):
    run_id = stage.run("failover")
    order_run(stage.project, stage.journal, run_id, "pause", reason="the provider calls", person="dana")
    tree = page(stage, run_id)
    assert "Paused. the provider calls" in tree.text
    assert ("continue", "") in answers(tree)
    assert ("pause", "") not in answers(tree)


def test_a_step_on_many_targets_is_folded_and_has_a_page_of_its_own(stage, fleet):
    tree = page(stage, fleet)
    assert "node0001" not in tree.text
    assert "All 30 tasks" in tree.text
    listed = Tree(tasks.page(stage.source, DANA, {"run": fleet, "step": "settings"}))
    assert "settings@node0001" in listed.text
    failed = Tree(tasks.page(stage.source, DANA, {"run": fleet, "step": "settings", "state": "failed"}))
    assert "settings@node0003" in failed.text
    assert "settings@node0001" not in failed.text
    assert "1 to 4 of 4" in failed.text


def test_many_tasks_are_read_page_by_page(stage, fleet, monkeypatch):
    monkeypatch.setattr(tasks, "PER_PAGE", 20)
    first = Tree(tasks.page(stage.source, DANA, {"run": fleet, "step": "reach"}))
    following = first.all("a", rel="next")[0]["href"]
    assert following.endswith("after=20")
    second = Tree(tasks.page(stage.source, DANA, {"run": fleet, "step": "reach", "after": "20"}))
    assert "21 to 30 of 30" in second.text
    assert not second.all("a", rel="next")


@pytest.mark.parametrize("after", ["-1", "x", "²", "9" * 5000])
def test_a_page_that_is_no_number_is_the_first(stage, fleet, after):
    listed = Tree(tasks.page(stage.source, DANA, {"run": fleet, "step": "reach", "after": after}))
    assert "1 to 30 of 30" in listed.text


def test_a_task_tells_its_attempts_and_all_it_put_out(stage, held):
    tree = Tree(task.page(stage.source, DANA, {"run": held, "task": "deploy@web1"}))
    assert "Attempt 1" in tree.text
    assert "no space left on device" in tree.text


def test_the_live_part_is_what_the_page_has(stage, held):
    whole, part = run.page(stage.source, DANA, {"run": held}), live.page(stage.source, DANA, {"run": held})
    assert Tree(part).all("div", id="live") == Tree(whole).all("div", id="live")
    assert "<html" not in part


def test_a_dry_run_says_how_much_it_proved_and_has_no_recovery_time(stage, rehearsed):
    tree = page(stage, rehearsed)
    assert "of the plan proven" in tree.text
    assert "Recovery time" not in tree.text


@pytest.mark.parametrize("query", [{"run": "nothing"}, {"run": "<b>"}, {"run": ""}])
def test_a_run_that_is_not_there_is_told(stage, query):
    with pytest.raises(UsageError, match="there is no run"):
        run.page(stage.source, DANA, query)


def test_a_step_or_task_that_is_not_there_is_told(stage, held):
    with pytest.raises(UsageError, match="no step"):
        tasks.page(stage.source, DANA, {"run": held, "step": "nothing"})
    with pytest.raises(UsageError, match="nothing is recorded"):
        task.page(stage.source, DANA, {"run": held, "task": "nothing"})
