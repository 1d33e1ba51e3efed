"""The words that any task may have, besides its module."""

KEYWORDS = frozenset(
    {"name", "when", "loop", "loop_control", "register", "until", "retries", "delay", "become", "become_user", "vars"}
    | {
        "become_method",
        "become_flags",
        "become_exe",
        "environment",
        "tags",
        "ignore_errors",
        "no_log",
        "notify",
        "async",
    }
    | {
        "poll",
        "changed_when",
        "failed_when",
        "run_once",
        "delegate_to",
        "delegate_facts",
        "throttle",
        "timeout",
        "args",
    }
    | {
        "check_mode",
        "diff",
        "connection",
        "remote_user",
        "any_errors_fatal",
        "ignore_unreachable",
        "listen",
        "debugger",
    }
    | {"module_defaults", "collections", "local_action", "action", "first_available_file", "port"}
)
