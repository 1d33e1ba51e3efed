"""What editors show for each key of a runbook."""

RUNBOOK_HELP = {
    "runbook": "The name; must equal the file's name.",
    "title": "One line for people.",
    "description": "What the runbook is for and when to use it.",
    "owner": "A role in team.yml.",
    "policy": "Ids of the controls that the runbook implements.",
    "objectives": "Recovery time (rto) and recovery point (rpo) that must be achieved.",
    "drill": "How often the runbook must be drilled.",
    "review": "How often a person must review it, and when somebody last did.",
    "inputs": "Typed values, given with -e name=value or -e @file.",
    "vars": "Values for templates; may be templates themselves.",
    "steps": "The steps; needs is the only order there is.",
    "communications": "Messages owed to an audience while the run lasts.",
    "triggers": "Conditions that runbook monitor watches.",
}

STEP_HELP = {
    "id": "Unique in the file: lower-case letters, digits, hyphens.",
    "name": "One line for people; may hold templates.",
    "needs": "Ids of steps that must have ended well; x@target waits on each target for that target only.",
    "targets": "Host pattern, as Ansible's; default localhost.",
    "when": "Expression; when false the step is skipped and its dependents go on.",
    "loop": "List, or an expression known at plan time; one task an item, item in scope.",
    "batch": "Number, percentage or list of them: how many targets at a time.",
    "parallel": "Greatest number of tasks of this step at once.",
    "max_failures": "Number or percentage of targets that may fail before the step fails.",
    "retry": "How often and how fast a failed attempt is made again.",
    "timeout": "Limit for one attempt; default 30m.",
    "takes": "How long a task usually takes; for `runbook forecast`, until earlier runs tell.",
    "on_failure": "stop (dependents are blocked), hold (ask the operator), continue or revert.",
    "always": "Run although a need failed: clean-up, messages.",
    "mutex": "Tasks that share this name never overlap, across runs too.",
    "revert": "An action that undoes this step.",
    "become": "Run as another user on the target.",
    "become_user": "That user; default root.",
    "environment": "Environment variables of the action.",
    "vars": "Values for this step's templates.",
    "tags": "Words to choose steps by.",
    "sensitive": "Outputs and command lines are not recorded.",
    "import": "Another runbook, relative to this file, spliced in; its step ids get this id as a prefix.",
    "inputs": "The imported runbook's inputs.",
}

COMMUNICATION_HELP = {
    "audience": "An audience of team.yml; one block each.",
    "every": "The greatest silence allowed; a message that comes later is recorded as missed.",
    "from": "The step whose good end begins it.",
    "until": "The step whose good end ends it.",
    "first": "How the audience is told first, at once; default: as an update.",
    "update": "How it is kept told, and how `runbook say` reaches it.",
    "resolved": "How it is told that all is well, at once.",
}

TRIGGER_HELP = {
    "when": "An action that only looks; the condition holds when its check is satisfied.",
    "for": "How long it must have held; 0s: one look is enough.",
    "then": "propose: people are told the command of the runbook; notify: they are told that it holds.",
}

PART_HELP = {
    "Objectives": {
        "rto": "Recovery time: how long until the service works again.",
        "rpo": "Recovery point: how old the data may be that is recovered.",
    },
    "Drill": {"every": "The longest time between two drills, such as 365d."},
    "Review": {
        "every": "The longest time between two reviews, such as 365d.",
        "last": "The day of the last one.",
    },
    "Retry": {
        "attempts": "Greatest number of attempts, the first included.",
        "delay": "Wait before the second attempt.",
        "backoff": "Factor by which the wait grows from one attempt to the next.",
        "max_delay": "The longest wait.",
        "jitter": "Share (0 to 1) of each wait that is drawn at random.",
        "until": "Expression over result (the outputs) that must be true for an attempt to have ended well.",
    },
}

INPUT_HELP = {
    "type": "string, integer, number, boolean, list, duration or run (an earlier run, given by --from-run).",
    "required": "The operator must give it.",
    "default": "The value when none is given.",
    "pattern": "Regular expression that the whole value must match.",
    "choices": "The only values allowed.",
    "minimum": "Least number, seconds of a duration, or length.",
    "maximum": "Greatest number, seconds of a duration, or length.",
    "description": "What it is for.",
}
