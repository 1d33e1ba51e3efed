"""The detached command's protocol on the target, as POSIX shell scripts; pure text.

The folder of one attempt holds `job` (who runs it, since which boot; Perl writes that into the second line of `rc`: a
file of its own costs the host as much as a process), `rc` (256 bytes, reserved before the start and overwritten in
place, so that a full disk can't lose the exit status), `in`, and the capped streams: `out` (the head),
`out.0` to `out.2` (the last pieces, in turn), `out.i` (how many pieces there were) and `out.z` (nothing more comes);
the same for `err`. The exit status can be there before the last output is, so that an answer waits a second for `.z`,
unless `rc` says `whole`; no longer, because a child of the command that lives on holds the streams open.
Each script is a library of functions without secrets and a short text that calls them. What starts a command stands in
`detached_start`; a shell that stays on the target (`resident_script`) has all the libraries at once.
"""

from dataclasses import dataclass
from typing import NamedTuple

from runbook_engine.connections.detached_start import PIECE, START
from runbook_engine.connections.shell import quote

_SMALL = 4096  # bytes of output that the shell gives by itself; more is worth a process
MARK = "RUNBOOK_ATTEMPT"
"""The variable that every process of a command has its attempt's token in."""


class Script(NamedTuple):
    """A script in two parts: functions that anybody may see, and the text that may hold secrets."""

    library: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Which attempt: the folder of all (None for `~/.runbook/attempts`), its token, the word that marks answers."""

    base: str | None
    token: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started.

    Attributes:
        line: the shell text that becomes the command, run in a subshell.
        take: reads what `login` wants from the input.
        login: what must be done once before the command (sudo's password).
        input_digest: SHA-256 of the input that follows the script, None when there is none.
        forget: tokens whose folders can go when this command has ended.
    """

    line: str
    take: str = ":"
    login: str = ":"
    become_user: str | None = None
    input_digest: str | None = None
    forget: tuple[str, ...] = ()


def start_script(place: Place, start: Start) -> Script:
    """Start the command unless its folder exists, wait for its end and tell it with its output."""
    text = [
        _head(place),
        f"user={quote(start.become_user or '-')} digest={start.input_digest or ''}",
        f"forget={quote(' '.join(start.forget))}",
        f"take() {{ {start.take}\n}}",
        f"login() {{ {start.login}\n}}",
        f"line() {{ export {MARK}={quote(place.token)}\n{start.line}\n}}",
        "begin",
    ]
    return Script(_STATE + _ANSWER + START, "\n".join(text))


def wait_script(place: Place, seconds: int) -> Script:
    """Wait until the command is over, at most so long, and tell its state and output."""
    return Script(_STATE + _ANSWER + _WAIT, f"{_head(place)}\nwait_for {seconds * 10}\nanswer")


def listen_script(place: Place, stdout: int, stderr: int) -> Script:
    """Tell the state now, and what the streams' heads have behind those positions."""
    return Script(_STATE + _ANSWER, f"{_head(place)}\nlook\nanswer {stdout} {stderr}")


def probe_script(place: Place) -> Script:
    """Tell the state alone."""
    return Script(_STATE + _ANSWER, f"{_head(place)}\nlook\nshort")


def kill_script(place: Place, login: str) -> Script:
    """End the command's session and what left it, kindly, then by force.

    What began a session of its own is found by the token in its environment; what forgot that, too, nobody finds. Tells
    `killed` only when nothing of it lives, `over` when it had ended before. The exit status is recorded by the wrapper,
    which ignores the kind signal.
    """
    text = f"{_head(place)}\nmark={MARK}={quote(place.token)}\n{login}\nkill_job\nanswer"
    return Script(_STATE + _ANSWER + _KILL, text)


def kill_session_script(
    session: int, nonce: str, become_user: str | None, login: str, token: str | None = None
) -> Script:
    """End the session of a command that was not detached, and tell whether it is proven dead.

    Args:
        token: what began a session of its own is found by it, as a detached command's is; None when it has none.
    """
    mark = f"{MARK}={token}" if token else ""
    head = f"N={nonce} sid={session} sstart= mark={mark} user={quote(become_user or '-')}"
    return Script(_STATE + _ANSWER + _KILL, f"{head}\n{login}\nend_session\neveryone\nverdict_of_members")


def forget_script(place: Place, tokens: tuple[str, ...]) -> Script:
    """Remove the folders of commands that are over; one that still runs is left alone."""
    return Script(_STATE + _ANSWER, f"{_head(place)}\nforget_all {quote(' '.join(tokens))}\nshort")


def _head(place: Place) -> str:
    where = '"${HOME:?}/.runbook/attempts"' if place.base is None else quote(place.base)
    return f"N={place.nonce}; base={where}; d=$base/{quote(place.token)}"


# `stat_of` takes the fields behind the name in parentheses, which may hold anything. Builtins only: a look at a busy
# machine must not fork for each process. The process that is to lead the session counts before it leads it.
_STATE = r"""nap() { sleep 0.1 2>/dev/null || sleep 1; }
stat_of() {
  l=; { while IFS= read -r x || [ -n "$x" ]; do l="$l $x"; x=; done <"/proc/$1/stat"; } 2>/dev/null
  case $l in *") "*) ;; *) return 1 ;; esac
  p=${l# }; pid_=${p%% *}
  set -- ${l##*) }
  kind_=$1; sid_=$4; start_=${20}
}
members() {
  alive=; many=0
  if [ "$sstart" ] && stat_of "$sid" && [ "$start_" != "$sstart" ]; then return 0; fi
  for q in /proc/[0-9]*; do
    q=${q#/proc/}
    stat_of "$q" || continue
    [ "$sid_" = "$sid" ] || [ "$q" = "$sid" ] || continue
    case $kind_ in Z|X) continue ;; esac
    alive="$alive $q"; many=$((many+1))
  done
}
ended() {
  a=; b=; all=; j1=
  { { read -r a b all; read -r j1 j2 j3 j4 j5 j6 x; } <"$d/rc"; } 2>/dev/null
  [ "$a" = done ] && state="done $b"
}
look() {
  state=absent; [ -d "$d" ] || return 0
  ended && return 0
  state=starting; pid=; user=; boot=
  if [ "$j1" ]; then pid=$j1; start=$j2; sid=$j3; sstart=$j4; boot=$j5; user=$j6
  else { read -r pid start sid sstart boot user x <"$d/job"; } 2>/dev/null; fi
  [ "$pid" ] && [ "$user" ] || return 0
  state=lost-reboot; now=; { read -r now </proc/sys/kernel/random/boot_id; } 2>/dev/null
  [ "$now" = "$boot" ] || return 0
  if stat_of "$pid" && [ "$start_" = "$start" ]; then case $kind_ in Z|X) ;; *) state=running; return 0 ;; esac; fi
  members
  ended && return 0
  if [ $many -gt 0 ]; then state="orphans $many"; else state=lost-killed; fi
}
"""

# `t` holds what is still to be said: each printf is a packet. A short text is read by the shell, which loses NUL bytes:
# only what has as many bytes as dd counted is taken for whole.
_ANSWER = rf"""eol='
'
small() {{
  size=; [ -e "$1.z" ] || return 1
  {{ while read -r size x; do case $x in byte*) break ;; esac; size=; done <"$1.n"; }} 2>/dev/null
  [ "$size" ] && [ "$size" -le {_SMALL} ] || return 1
  v=; while IFS= read -r x; do v=$v$x$eol; done <"$1"; v=$v$x
  [ ${{#v}} -eq "$size" ]
}}
part() {{
  f=$d/$1
  i=0; {{ [ -s "$f.i" ] && read -r i <"$f.i"; }} 2>/dev/null
  drop=0; [ $i -gt 2 ] && drop=$(( (i-2)*{PIECE} ))
  t=$t$eol$N\ $1\ $drop$eol
  [ -s "$f" ] || return 0
  if [ ! "$2" ] && small "$f" 2>/dev/null; then t=$t$v; return 0; fi
  printf '%s' "$t"; t=
  if [ "$2" ]; then tail -c +$(($2+1)) "$f"; return 0; fi
  cat "$f"
  [ $i -ge 2 ] && cat "$f.$(((i-2)%3))"
  [ $i -ge 1 ] && cat "$f.$(((i-1)%3))"
  return 0
}}
whole() {{
  [ "$all" ] && return 0
  n=0; while [ $n -lt 10 ] && {{ [ ! -e "$d/out.z" ] || [ ! -e "$d/err.z" ]; }}; do nap; n=$((n+1)); done
}}
answer() {{
  case $state in done*) whole ;; esac
  t="$N state $state$eol"
  part out $1; part err $2
  printf '%s\n%s end\n' "$t" "$N"
}}
short() {{ printf '%s state %s\n\n%s end\n' "$N" "$state" "$N"; }}
forget_all() {{
  old=$1; set --
  for token in $old; do
    d=$base/$token; look
    case $state in absent|running|orphans*|starting) ;; *) set -- "$@" "$d" ;; esac
  done
  [ $# -eq 0 ] || rm -rf "$@"
}}
"""

_WAIT = r"""wait_for() {
  n=0
  while look; do
    case $state in starting|running|orphans*) ;; *) return 0 ;; esac
    [ $n -ge $1 ] && return 0
    if [ $n -lt 20 ]; then nap; n=$((n+1)); else sleep 1; n=$((n+10)); fi
  done
}
"""

# Who may read another's environment is the kernel's matter: the command's own user is asked as well.
_KILL = r"""everyone() {
  members; [ "$mark" ] || return 0
  look_for="grep -lszxF -e $mark /proc/[0-9]*/environ"
  for q in $(sh -c "$look_for" </dev/null; [ "$user" = - ] || sudo -n -u "$user" -- sh -c "$look_for" </dev/null) ; do
    q=${q#/proc/}; q=${q%/environ}
    case " $alive " in *" $q "*) continue ;; esac
    stat_of "$q" || continue
    case $kind_ in Z|X) continue ;; esac
    alive="$alive $q"
  done 2>/dev/null
}
hit() {
  everyone; [ "$alive" ] || return 0
  kill -$1 $alive 2>/dev/null
  [ "$user" = - ] || sudo -n -u "$user" -- sh -c "kill -$1 $alive" </dev/null >/dev/null 2>&1
}
end_session() {
  hit TERM; n=0
  while [ $n -lt 20 ]; do everyone; [ "$alive" ] || return 0; nap; n=$((n+1)); done
  n=0
  while [ $n -lt 50 ]; do hit KILL; [ "$alive" ] || return 0; nap; n=$((n+1)); done
}
verdict() { printf '%s verdict %s\n' "$N" "$1"; }
verdict_of_members() { if [ "$alive" ]; then verdict alive; else verdict killed; fi; printf '\n%s end\n' "$N"; }
kill_job() {
  look
  case $state in
    running|orphans*)
      end_session; left=$alive; settle
      case $left/$state in /running|/orphans*|?*/*) verdict alive ;; *) verdict killed ;; esac ;;
    done*|lost-*) verdict over ;;
    *) verdict alive ;;
  esac
}
settle() {
  n=0; while look; [ "$state" = running ] && [ $n -lt 50 ]; do nap; n=$((n+1)); done
}
"""

EVERYTHING = _STATE + _ANSWER + _WAIT + START + _KILL
