"""The scripts that Systems Manager is given, as POSIX shell text; each may run twice, and none has a secret in it.

A session's folder (`~/.runbook/ssm/<session>`, private) holds the key pair, the wrapped key once it is opened, and a
folder for each shell that was started: `in` until it is read, `out`, `err`, `pid`, and `rc` when it has ended.
"""

import shlex

from runbook_engine.connections.ssm_seal import SHELL

PIECE = 17_000  # bytes that, sealed and in base64, fit into what one command can answer
_OLD_DAYS = 1
_BIGGEST = (8 << 20, 1 << 20, 1 << 18, 1 << 16, PIECE)

# The agent runs scripts as root, by whatever /bin/sh is, and has no HOME of its own.
_HEAD = r"""umask 077
[ "$HOME" ] || { HOME=$(getent passwd "$(id -u)" | cut -d: -f6); HOME=${HOME:-/root}; export HOME; }
"""

_OPEN = r"""opened() {
  [ -s "$s/key" ] && return 0
  [ -s "$s/rsa" ] || { echo lost; exit 0; }
  printf %s "$1" | base64 -d | openssl pkeyutl -decrypt -inkey "$s/rsa" -pkeyopt rsa_padding_mode:oaep >"$s/key.$$" &&
    mv "$s/key.$$" "$s/key"
}
"""

_REPORT = (
    r"""alive() {
  l=; { read -r l <"/proc/$1/stat"; } 2>/dev/null || return 1
  case ${l##*) } in Z*|X*) return 1 ;; esac
}
size() { z=0; [ -e "$1" ] && z=$(wc -c <"$1"); z=$((z)); }
report() {
  p=; n=0; more=0
  while :; do
    over=0; [ "$p" ] || { read -r p <"$w/pid"; } 2>/dev/null
    if [ "$p" ]; then alive "$p" || over=1; elif [ $n -ge 50 ]; then over=1; fi
    [ -e "$w/rc" ] && over=1
    size "$w/out"; a=$z; size "$w/err"; b=$z
    [ $over = 1 ] && break
    if [ $a -gt $1 ] || [ $b -gt $2 ]; then more=$((more+1)); [ $more -gt 3 ] && break; fi
    [ "$p" ] && [ $n -ge $3 ] && break
    sleep 0.1 2>/dev/null || { sleep 1; n=$((n+9)); }
    n=$((n+1))
  done
  rc=-; { read -r rc <"$w/rc"; } 2>/dev/null
  for m in """
    + " ".join(map(str, _BIGGEST))
    + r"""; do
    x=$((a-$1)); [ $x -gt $m ] && x=$m
    y=$((b-$2)); [ $y -gt $((m-x)) ] && y=$((m-x))
    { tail -c +$(($1+1)) "$w/out" | head -c $x; tail -c +$(($2+1)) "$w/err" | head -c $y; } 2>/dev/null |
      gzip -c >"$w/z"
    size "$w/z"; [ $z -le """
    + str(PIECE)
    + r""" ] && break
  done
  printf 'at %s %s %s %s %s %s\n' $over "$rc" $a $b $x $y
  seal <"$w/z"; echo
}
"""
)

# The input is unlinked before the command begins. The wrapper tells 128 + N for a signal, as shells do.
# A shell's `&` would make the command deaf to SIGINT; only a setsid before util-linux 2.27 needs it.
_WRAPPER = r"""echo $$ >"$1/pid"
exec <"$1/in"
rm -f "$1/in"
sh -c "$2" >"$1/out" 2>"$1/err"
echo $? >"$1/rc.t" && mv "$1/rc.t" "$1/rc"
"""


def greet(session: str) -> str:
    """Make the session's folder and key pair, and tell the public key; folders that dead engines left are removed."""
    return f"""{_place(session)}mkdir -p "$s" || exit 1
for need in openssl gzip base64 setsid; do
  command -v $need >/dev/null || {{ echo "$need is not installed" >&2; exit 1; }}
done
find "$HOME/.runbook/ssm" -mindepth 1 -maxdepth 1 -mtime +{_OLD_DAYS} -exec rm -rf {{}} + 2>/dev/null
if [ ! -s "$s/rsa" ]; then
  openssl genrsa -out "$s/rsa.$$" 2048 2>/dev/null && mv "$s/rsa.$$" "$s/rsa" || exit 1
fi
openssl rsa -in "$s/rsa" -pubout 2>/dev/null"""


def put(session: str, job: str, number: int, text: str) -> str:
    """Keep one part of a sealed input."""
    part = f'"$s/{job}.{number}"'
    return (
        f"{_place(session)}[ -s \"$s/rsa\" ] || {{ echo lost; exit 0; }}\nprintf %s '{text}' >{part}.t &&"
        f" mv {part}.t {part}"
    )


def start(
    session: str, job: str, wrapped: str, line: str, given: str, parts: int, tenths: int, finished: tuple[str, ...] = ()
) -> str:
    """Start `sh -c line` in a session of its own, unless that was done, and report.

    Args:
        finished: earlier jobs that were read to their end, whose folders can go.
        line, given: sealed; the input stands in that many `parts` when it was too long, and `given` is empty then.
        tenths: of a second that the report waits for output or the end.
    """
    pieces = " ".join(f'"$s/{job}.{number}"' for number in range(parts))
    source = f"cat {pieces}" if parts else f"printf %s '{given}'"
    return f"""{_place(session)}{_OPEN}{SHELL}{_REPORT}w=$s/{job}
opened {wrapped} || exit 1
if mkdir "$w" 2>/dev/null; then
  line=$(printf %s '{line}' | unseal) && [ "$line" ] && {source} | unseal >"$w/in" || {{ rm -rf "$w"; exit 1; }}
  rm -f {pieces or '"$w/none"'}
  wrapper={shlex.quote(_WRAPPER)}
  if setsid -f true 2>/dev/null; then setsid -f sh -c "$wrapper" sh "$w" "$line" </dev/null >/dev/null 2>&1
  else setsid sh -c "$wrapper" sh "$w" "$line" </dev/null >/dev/null 2>&1 & fi
  cd "$s" && rm -rf {" ".join(finished) or "none"}
fi
report 0 0 {tenths}"""


def look(session: str, job: str, stdout: int, stderr: int, tenths: int) -> str:
    """Report what came behind those positions; wait so long for something to come."""
    return f"""{_place(session)}{SHELL}{_REPORT}w=$s/{job}
[ -d "$w" ] && [ -s "$s/key" ] || {{ echo lost; exit 0; }}
report {stdout} {stderr} {tenths}"""


def leave(session: str) -> str:
    """Remove the session's folder."""
    return f'{_place(session)}rm -rf "$s"'


def _place(session: str) -> str:
    return f"{_HEAD}s=$HOME/.runbook/ssm/{session}\n"
