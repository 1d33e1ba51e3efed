"""One attempt: the table of check and apply for live runs, dry runs and resumes; read-only hands; failures as values."""

import pytest
from support.attempts import Hands, Look, Recorder, Switch, try_it
from support.simulation import VirtualClock

from runbook_engine.model.outcome import Change, Grade, Mode, Outcome, satisfied, unknown, unsatisfied
from runbook_engine.ports.action import ActionFailedError, Applied, Effect, Outputs
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.connection import (
    Command,
    CommandResult,
    CommandTimeoutError,
    NoConnectionError,
    ReadOnlyError,
    TargetUnreachableError,
)
from runbook_engine.ports.services import ServiceUnreachableError
from runbook_engine.secrets.redaction import SecretRedactor


def test_satisfied_is_unchanged_and_nothing_is_applied():
    action = Switch(satisfied("on already", outputs={"port": 1}))
    report = try_it(action)
    assert (report.outcome, report.outputs, action.applied) == (Outcome.UNCHANGED, {"port": 1}, 0)


def test_not_satisfied_is_applied_and_checked_again():
    action = Switch(unsatisfied("off"), satisfied("on", outputs={"both": 2}))
    report = try_it(action)
    assert report.outcome is Outcome.CHANGED
    assert report.outputs == {"by": "apply", "both": 2}, "the check's word is the later one"
    assert "switched" in report.finding.summary


def test_still_not_satisfied_after_apply_is_failed():
    report = try_it(Switch(unsatisfied("off")))
    assert report.outcome is Outcome.FAILED
    assert "off" in report.error
    assert not report.in_doubt


def test_an_effect_that_shows_late_is_looked_for_until_the_deadline():
    action = Switch(unsatisfied("off"), unsatisfied("off"), unsatisfied("off"), satisfied("on"))
    action.eventual = True
    assert try_it(action).outcome is Outcome.CHANGED
    clock = VirtualClock()
    never = Switch(unsatisfied("off"))
    never.eventual = True
    report = try_it(never, clock=clock)
    assert report.outcome is Outcome.FAILED
    assert "off" in report.error
    assert 55 < clock.seconds <= 66


def test_where_nobody_can_tell_it_is_applied_and_taken_at_its_word():
    assert try_it(Switch(unknown())).outcome is Outcome.CHANGED


def test_a_dry_run_never_applies():
    change = Change(what="size", before=1, after=2)
    for finding, outcome, grade in (
        (satisfied(), Outcome.UNCHANGED, Grade.PROVEN),
        (unsatisfied(changes=[change]), Outcome.WOULD_CHANGE, Grade.SIMULATED),
        (unknown(), Outcome.UNPROVEN, Grade.UNPROVEN),
    ):
        action = Switch(finding)
        report = try_it(action, mode=Mode.DRY_RUN)
        assert (report.outcome, report.grade, action.applied) == (outcome, grade, 0)
        assert report.finding.changes == finding.changes


def test_what_nobody_can_check_is_shown_and_unproven_and_told_once_it_is_done():
    change = Change(what="mail to a@b.c", after="Subject: back again")
    report = try_it(Switch(unknown("would mail", changes=[change])), mode=Mode.DRY_RUN)
    assert (report.outcome, report.grade, report.finding.changes) == (Outcome.UNPROVEN, Grade.UNPROVEN, (change,))
    live = try_it(Switch(unknown("would mail", changes=[change])))
    assert live.finding.summary == "switched"
    assert live.finding.changes == ()


def test_a_verification_is_satisfied_or_failed():
    assert try_it(Look(satisfied())).outcome is Outcome.UNCHANGED
    report = try_it(Look(unsatisfied("503")))
    assert (report.outcome, report.error) == (Outcome.FAILED, "503")


def test_a_dry_run_does_not_fail_a_verification_of_what_was_not_done():
    report = try_it(Look(unsatisfied("503")), mode=Mode.DRY_RUN, taints=True)
    assert (report.outcome, report.grade) == (Outcome.UNPROVEN, Grade.UNPROVEN)
    assert report.finding.summary.count("503") == 1, "what was seen is said once"
    report = try_it(Look(unsatisfied("503")), mode=Mode.DRY_RUN)
    assert (report.outcome, report.grade) == (Outcome.FAILED, Grade.UNPROVEN), "what failed is not proven"


def test_a_dry_run_does_not_fail_a_check_that_misses_what_was_not_done():
    missing = ActionFailedError("no snapshot")
    assert try_it(Switch(missing), mode=Mode.DRY_RUN, taints=True).outcome is Outcome.UNPROVEN
    assert try_it(Switch(missing), mode=Mode.DRY_RUN).outcome is Outcome.FAILED
    assert try_it(Switch(missing), taints=True).outcome is Outcome.FAILED
    away = ServiceUnreachableError("there is no such database yet")
    assert try_it(Switch(away), mode=Mode.DRY_RUN, taints=True).outcome is Outcome.UNPROVEN
    assert try_it(Switch(away), mode=Mode.DRY_RUN).outcome is Outcome.FAILED


@pytest.mark.parametrize("effect", list(Effect))
def test_settling_an_attempt_in_doubt(effect):
    def switch(*findings):
        action = Switch(*findings)
        action.effect = effect
        return action

    found = switch(satisfied("on"))
    report = try_it(found, settle=True)
    assert (report.outcome, found.applied) == (Outcome.UNCHANGED, 0)
    assert "after an interruption" in report.finding.summary
    again = switch(unsatisfied("off"), satisfied("on"))
    assert try_it(again, settle=True).outcome is Outcome.CHANGED
    assert again.tokens == ["tok"]
    blind = switch(unknown())
    report = try_it(blind, settle=True)
    if effect is Effect.TOKEN:
        assert (report.outcome, blind.tokens) == (Outcome.CHANGED, ["tok"]), "the token finds the earlier attempt"
    else:
        assert (report.in_doubt, report.needs_person, blind.applied) == (True, True, 0)


def test_a_lost_reply_is_settled_by_the_check_or_stays_in_doubt():
    lost = ServiceUnreachableError("no answer")
    assert try_it(Switch(unsatisfied(), satisfied("there"), apply_error=lost)).outcome is Outcome.CHANGED
    report = try_it(Switch(unsatisfied("not there"), apply_error=lost))
    assert (report.outcome, report.in_doubt, report.needs_person) == (Outcome.FAILED, True, False)
    once = Switch(unknown(), apply_error=lost)
    once.effect = Effect.ONCE
    report = try_it(once)
    assert (report.in_doubt, report.needs_person, once.applied) == (True, True, 1)


def test_a_check_that_is_refused_after_a_lost_reply_leaves_it_in_doubt():
    lost = ServiceUnreachableError("no answer")
    report = try_it(Switch(unsatisfied("not there"), ActionFailedError("401"), apply_error=lost))
    assert (report.outcome, report.in_doubt) == (Outcome.FAILED, True)
    assert lost.message in report.error


def test_a_lost_target_is_unreachable_and_in_doubt_only_once_something_was_begun():
    gone = TargetUnreachableError("gone")
    report = try_it(Switch(gone))
    assert (report.outcome, report.in_doubt) == (Outcome.UNREACHABLE, False)
    report = try_it(Switch(unsatisfied(), apply_error=gone))
    assert (report.outcome, report.in_doubt) == (Outcome.UNREACHABLE, True)


@pytest.mark.parametrize("killed", [True, False])
def test_a_timeout_is_a_failure_only_after_a_proven_kill(killed):
    report = try_it(Switch(unsatisfied(), apply_error=CommandTimeoutError("slow", killed=killed)))
    assert (report.outcome, report.in_doubt) == (Outcome.FAILED, not killed)


def test_what_an_action_refuses_is_a_failure_with_its_words():
    report = try_it(Switch(unsatisfied(), apply_error=ActionFailedError("quota", hint="ask for more")))
    assert (report.outcome, report.error, report.in_doubt) == (Outcome.FAILED, "quota (ask for more)", False)


@pytest.mark.parametrize("for_good", [True, False])
def test_what_is_refused_for_good_is_reported_so(for_good):
    assert try_it(Switch(unsatisfied(), apply_error=ActionFailedError("no", for_good=for_good))).for_good is for_good


def test_a_defect_of_a_plugin_fails_its_task_and_names_it():
    report = try_it(Switch(ZeroDivisionError("division by zero")))
    assert report.outcome is Outcome.FAILED
    assert "test.switch" in report.error
    assert "ZeroDivisionError" in report.error
    assert try_it(Look("yes")).outcome is Outcome.FAILED, "a check that gives no finding"


@pytest.mark.parametrize("raised", [SystemExit(5), KeyboardInterrupt(), BaseException("x"), GeneratorExit()])
def test_whatever_a_plugin_raises_it_fails_its_task_only(raised):
    assert try_it(Switch(unsatisfied(), apply_error=raised)).outcome is Outcome.FAILED
    assert try_it(Look(satisfied())).outcome is Outcome.UNCHANGED

    class Exits(Look):
        def check(self, params, context):
            raise raised

    report = try_it(Exits(None))
    assert (report.outcome, report.in_doubt) == (Outcome.FAILED, False)


def test_an_apply_that_gives_something_else_is_a_failure_and_nothing_at_all_is_fine():
    class Gives(Switch):
        def __init__(self, what) -> None:
            super().__init__(unsatisfied(), satisfied())
            self.what = what

        def apply(self, params, context):
            return self.what

    assert try_it(Gives(None)).outcome is Outcome.CHANGED
    report = try_it(Gives({"a": 1}))
    assert report.outcome is Outcome.FAILED
    assert "in place of an Applied" in report.error


@pytest.mark.parametrize(
    "outputs", [{"size": "big"}, {"size": float("nan")}, {"other": {1, 2}}, {"other": float("inf")}]
)
def test_outputs_that_are_not_as_declared_fail_the_task(outputs):
    class Declared(Outputs):
        size: int = 0

    class Sized(Switch):
        Outputs = Declared

        def apply(self, params, context):
            return Applied.model_construct(summary="", outputs=outputs, changed=True)

    report = try_it(Sized(unsatisfied(), satisfied()))
    assert report.outcome is Outcome.FAILED
    assert "test.switch" in report.error
    assert repr(next(iter(outputs))) in report.error


def test_what_was_never_sent_is_not_in_doubt():
    report = try_it(Switch(unsatisfied(), apply_error=NoConnectionError("refused")))
    assert (report.outcome, report.in_doubt) == (Outcome.UNREACHABLE, False)

    class Half(Switch):
        def apply(self, params, context):
            context.connection.write("/x", b"")
            raise NoConnectionError("refused, the second time")

    assert try_it(Half(unsatisfied())).in_doubt, "something was sent before"


def test_what_a_failed_attempt_got_done_is_kept_for_the_next_one():
    class Mails(Switch):
        def apply(self, params, context):
            self.seen = context.recorded
            raise ActionFailedError("one refused", outputs={"accepted": ["b@x"]})

    action = Mails(unknown())
    report = try_it(action, recorded={"accepted": ["a@x"], "ids": [1]})
    assert action.seen == {"accepted": ["a@x"], "ids": [1]}
    assert report.outputs == {"accepted": ["b@x"], "ids": [1]}


def test_what_was_got_done_stays_known_when_a_later_attempt_only_looks_and_can_not_tell():
    class Mails(Switch):
        effect = Effect.ONCE

    report = try_it(Mails(unknown()), settle=True, recorded={"accepted": ["a@x"]})
    assert report.needs_person
    assert report.outputs == {"accepted": ["a@x"]}


def test_a_secret_at_the_cut_of_an_output_leaves_no_piece():
    secret = "SuperSecretTokenValue-0123456789"

    class Cut(Recorder):
        def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
            on_output("stdout", b"x" * 100 + secret[:10].encode())
            on_output("stdout", secret[10:].encode() + b"y" * 100)
            return CommandResult(0, b"x" * 50 + secret[:12].encode() + secret[-14:].encode() + b"y", b"", 1000, 0)

    class Prints(Switch):
        def apply(self, params, context):
            result = context.connection.run_detached(Command(("env",)), token="t", timeout=1, on_output=context.output)
            return Applied(outputs={"stdout": result.stdout.decode()})

    hands = Hands()
    hands.recorder = Cut()
    report = try_it(Prints(unknown()), hands=hands, redactor=SecretRedactor([secret]))
    told = str(report.outputs) + str(report.output)
    assert report.outcome is Outcome.CHANGED
    assert not any(secret[at : at + 7] in told for at in range(len(secret) - 6)), told


def test_wrong_parameters_name_the_parameter_and_never_its_value():
    report = try_it(Switch(satisfied()), parameters={"wrod": "hunter22"})
    assert "wrod" in report.error
    assert "hunter22" not in report.error


def test_cancelled_before_apply_nothing_is_begun():
    event = CancelSignal()
    action = Switch(unsatisfied())
    event.set()
    report = try_it(action, cancelled=event)
    assert (report.outcome, report.in_doubt, action.applied) == (Outcome.FAILED, False, 0)


def test_secrets_are_filled_in_at_the_attempt_and_taken_out_of_all_that_is_told():
    class Leak(Switch):
        def apply(self, params, context):
            assert params.word == "hunter22"
            context.output("stdout", b"the word is hunter22")
            raise ActionFailedError(f"login with {params.word} refused")

    redactor = SecretRedactor(["hunter22"])
    report = try_it(
        Leak(unsatisfied("aHVudGVyMjI= is base64", evidence={"hunter22": ["x hunter22"]})),
        redactor=redactor,
        parameters={"word": "\ue000x\ue001"},
        secrets={"\ue000x\ue001": "env:WORD"},
    )
    told = report.error + str(report.finding) + str(report.output)
    assert "hunter22" not in told
    assert "aHVudGVyMjI" not in told
    assert "login with" in report.error


def test_a_secret_in_the_environment_is_filled_in_too():
    class Prints(Switch):
        def apply(self, params, context):
            context.connection.run_detached(Command(("env",)), token="t", timeout=1)
            return Applied()

    class Environment(Recorder):
        def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
            self.done.append(dict(command.environment))
            return CommandResult(0)

    hands = Hands()
    hands.recorder = Environment()
    try_it(Prints(unknown()), hands=hands, environment={"X": "a \ue000x\ue001"}, secrets={"\ue000x\ue001": "env:X"})
    assert hands.recorder.done == [{"X": "a hunter22"}]


def test_a_sensitive_step_keeps_its_outcome_only():
    action = Switch(satisfied("card 4111", outputs={"card": "4111"}, evidence={"card": "4111"}))
    report = try_it(action, sensitive=True)
    assert report.outcome is Outcome.UNCHANGED
    assert "4111" not in str(report)


def test_what_a_sensitive_step_did_in_part_is_left_to_a_person_because_nobody_recorded_it():
    """Whom a mail reached is not in the journal then, and another attempt would mail them twice."""
    partly = ActionFailedError("one refused", outputs={"accepted": ["a@example.com"]})

    def once(error, **more):
        action = Switch(unknown(), apply_error=error)
        action.effect = Effect.ONCE
        return try_it(action, **more)

    report = once(partly, sensitive=True)
    assert (report.outcome, report.in_doubt, report.needs_person) == (Outcome.FAILED, True, True)
    assert "a@example.com" not in str(report)
    report = once(partly)
    assert (report.in_doubt, report.outputs) == (False, {"accepted": ["a@example.com"]})
    assert not once(ActionFailedError("nobody was reached"), sensitive=True).in_doubt


class Meddler(Switch):
    """Tries to change something in its check."""

    def __init__(self, meddle) -> None:
        super().__init__(satisfied())
        self._meddle = meddle

    def check(self, params, context):
        self._meddle(context)
        return satisfied()

    def probe_commands(self, params):
        return [("test", "-e", "/x")]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "meddle",
    [
        lambda context: context.connection.write("/etc/passwd", b""),
        lambda context: context.connection.make_directory("/x"),
        lambda context: context.connection.remove("/x"),
        lambda context: context.connection.set_mode("/x", 0o777),
        lambda context: context.connection.run(Command(("rm", "-rf", "/x")), timeout=1),
        lambda context: context.connection.run(Command(("test", "-e", "/y")), timeout=1),
        lambda context: context.connection.run_detached(Command(("test", "-e", "/x")), token="t", timeout=1),
        lambda context: context.connection.forget_detached("t"),
    ],
)
def test_a_check_that_meddles_with_a_host_fails_in_every_mode_and_nothing_reaches_it(mode, meddle):
    hands = Hands()
    report = try_it(Meddler(meddle), mode=mode, hands=hands)
    assert report.outcome is Outcome.FAILED
    assert "test.switch" in report.error
    assert "tests/plugin.py" in report.error, "the plugin is named"
    assert hands.recorder.done == []


def test_a_check_may_run_its_declared_probe():
    hands = Hands()
    probe = Meddler(lambda context: context.connection.run(Command(("test", "-e", "/x")), timeout=1))
    assert try_it(probe, hands=hands).outcome is Outcome.UNCHANGED
    assert len(hands.recorder.done) == 1


def test_services_are_read_only_in_check_and_whole_in_apply():
    class Asks(Switch):
        def check(self, params, context):
            self.ask(context)
            return unknown()

        def apply(self, params, context):
            self.ask(context)
            return Applied()

        def ask(self, context):
            context.aws("rds", region="eu-west-1")
            _ = context.http
            _ = context.mail
            context.sql("sqlite://")

    hands = Hands()
    try_it(Asks(unknown()), hands=hands)
    kinds = ["rds", "http", "mail", "sql"]
    assert hands.asked == [
        *[(kind, True) for kind in kinds], *[(kind, False) for kind in kinds], *[(kind, True) for kind in kinds]
    ]  # fmt: skip


def test_a_refusal_of_a_service_in_check_is_told_with_the_plugin_s_name():
    report = try_it(Switch(ReadOnlyError("rds.delete_db_instance is not a read")))
    assert report.outcome is Outcome.FAILED
    assert "tests/plugin.py" in report.error
