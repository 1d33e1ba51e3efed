"""Rules RB410 to RB419: plugins and the catalogue of actions."""

from runbook_engine.model.rule import Rule, error

PLUGIN_RULES: tuple[Rule, ...] = (
    error(
        "RB410",
        "a plugin can be imported",
        """
A plugin that raises while it is imported, or needs a library that is not installed, is left out; so are its actions.
Bad:  import requests        # not installed where the engine runs
Good: from runbook_engine.sdk import Action
""",
    ),
    error(
        "RB411",
        "an action is declared completely",
        """
An action has a name `family.verb`, a class `Params` of its own, and a `check`. It can be made without arguments.
Bad:  class Restart(Action): name = "restart"
Good: class Restart(Action[RestartParams]): name = "app.restart"; Params = RestartParams; def check(self, …)
""",
    ),
    error(
        "RB412",
        "an action's name is given once",
        """
Two plugins give the same action, or a plugin gives one that the engine has. The first one counts: the engine's own,
then those of installed distributions, then those of plugin folders.
Bad:  name = "command.run"
Good: name = "acme.command"
""",
    ),
    error(
        "RB413",
        "plugins can be changed by their owner only",
        """
Whoever may write a plugin can run code as the one who starts the runbook. A plugin folder or file that everybody may
write, or a link that leads out of the plugin folder, is refused.
Bad:  drwxrwxrwx plugins
Good: drwxr-xr-x plugins
""",
    ),
)
