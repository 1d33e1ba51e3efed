"""A shell that stays on the target and does one script after another, as a POSIX shell program; pure text.

It reads frames from its input: a random word on a line, the script, the word again. A frame that is cut short never
runs, whatever it holds. What it starts is not bound to it: a command's wrapper, filters and session live on when it is
killed, and it goes when its input ends. Meanwhile it does nothing but wait.
"""

from runbook_engine.connections.detached_script import EVERYTHING, Place, Start, start_script
from runbook_engine.connections.resident_perl import PERL
from runbook_engine.connections.shell import encode, portable, program, quote
from runbook_engine.sdk import Command

_SERVE = r"""serve() {
  { command -v setsid && [ -r /proc/self/stat ]; } >/dev/null 2>&1 || exit 0
  trap '' TERM PIPE HUP
  lone=1
  printf '\n%s end\n' "$1"
  while IFS= read -r m && [ "$m" ]; do
    s=; got=
    while IFS= read -r l; do
      if [ "$l" = "$m" ]; then got=1; break; fi
      s=$s$l$eol
    done
    [ "$got" ] || exit 0
    eval "$s"
  done
  exit 0
}
"""


_BY_PERL = f'command -v perl >/dev/null 2>&1 && exec perl -C0 -e {quote(PERL)} $0 "$lib"'
_QUOTED = {
    perl: quote(
        portable(f'echo; echo $0 here; lib={quote(EVERYTHING)}; {by_perl}; eval "$lib"; unset lib\n{_SERVE}serve $0')
    )
    for perl, by_perl in ((True, _BY_PERL), (False, ":"))
}


def resident_line(nonce: str, *, perl: bool = True) -> str:
    """Give what a login shell is to run.

    It says `<nonce> here`, then `<nonce> end` when it is ready, and ends where it can't serve. What stands before is
    not its own: a login's start-up files may print text.

    Args:
        perl: by Perl, where the target has it; it says `<nonce> perl` before its end then.
    """
    return f"exec sh -c {_QUOTED[perl]} {nonce}"


def resident_start(place: Place, command: Command, forget: tuple[str, ...], mark: str) -> bytes:
    """Give the frame that starts a command.

    Raises:
        RunbookError: a variable's name or a word of the command can't be given to a process.
    """
    start = Start(program(command, lone=True), forget=forget)
    return resident_frame(start_script(place, start).text, mark)


def resident_frame(text: str, mark: str) -> bytes:
    """Give a script as the program wants it; the mark has to be new each time."""
    return encode(f"{mark}\n{text}\n{mark}\n")


def resident_greeting(nonce: str) -> str:
    """Give a script that does nothing but answer: is the shell there?"""
    return f"printf '\\n%s end\\n' {nonce}"
