"""How a detached command is started on its target, as POSIX shell functions; pure text.

The wrapper is `main`, in a subshell: when the shell that started it is killed, the exit status is still recorded. It
ignores the kind signals, the command does not. Where each command is started by a shell of its own, that shell's
session is the command's. A shell that stays on the target sets `lone`: there `setsid` gives the command a session of
its own, which the wrapper is not part of. `ended` is told at once, since a child of the command that lives on can hold
the output, and with it the answer.

A filter keeps what a stream says: the head, then the last pieces in turn. It keeps reading when the cap or the disk is
full, so that the command is never killed by a closed pipe, and never more is written than the cap allows.
"""

PIECE = 524288

START = rf"""refuse() {{ [ "$new" ] && rm -rf "$d"; printf '%s refused %s\n\n%s end\n' "$N" "$1" "$N" >&5; }}
filter() {{ collect "$1"; {{ true >"$d/$1.z"; }} 2>/dev/null; }}
collect() {{
  f=$d/$1; k=n
  while LC_ALL=C dd bs=65536 count=64 >>"$f" 2>"$f.$k"; do
    q=; while read -r q x; do case $q in *+*) break ;; esac; done <"$f.$k"
    case $q in *+*) ;; *) break ;; esac
    [ $(( ${{q%+*}} + ${{q#*+}} )) -lt 64 ] && return 0
    k=m; true >"$f.n"
    [ "$(wc -c <"$f")" -lt {PIECE} ] && continue
    i=0
    while dd bs=65536 count=8 iflag=fullblock >"$f.$((i%3))" && [ -s "$f.$((i%3))" ]; do
      i=$((i+1)); echo $i >"$f.i"
    done
    break
  done 2>/dev/null
  cat >/dev/null 2>&1
}}
note() {{ printf '%s %s %s %s %s %s\n' "$me" "$mes" "$1" "$2" "$boot" "$user" >"$d/job"; }}
lead() {{ [ ! "$lone" ] || {{ stat_of self && note "$pid_" "$start_"; }}; }}
main() {{
  stat_of self && me=$pid_ && mes=$start_ && sid=$sid_
  boot=; read -r boot </proc/sys/kernel/random/boot_id
  [ "$lone" ] || {{ stat_of "$sid"; note "$sid" "$start_"; }} || {{ refuse "its disk is full"; exit 0; }}
  rc=1
  if login 2>&8; then
    ( trap - TERM PIPE HUP
      lead || {{ refuse "its disk is full"; exit 0; }}
      exec <"$source" >&7 2>&8 5>&- 7>&- 8>&-; line )
    rc=$?
  fi
  {{ printf 'done %s\n' "$rc" 1<>"$d/rc"; }} 2>/dev/null || exit 0
  printf '%s ended\n' "$N" >&5
}}
begin() {{
  exec 5>&1
  new=
  [ -r /proc/self/stat ] || {{ refuse "it has no /proc; detached commands need Linux"; return 0; }}
  if LC_ALL=C mkdir -m 700 "$d" 2>/dev/null; then new=1
  elif [ ! -d "$d" ]; then
    ( umask 077; mkdir -p "$base" ) 2>/dev/null
    if LC_ALL=C mkdir -m 700 "$d" 2>/dev/null; then new=1
    elif [ ! -d "$d" ]; then refuse "$d can not be made (is the disk full?)"; return 0; fi
  fi
  if [ ! "$new" ]; then printf '%s exists\n\n%s end\n' "$N" "$N"; return 0; fi
  {{ printf '%-8s\n%247s' pending '' >"$d/rc"; }} 2>/dev/null || {{ refuse "its disk is full"; return 0; }}
  source=/dev/null
  take
  if [ "$digest" ]; then
    source=$d/in
    cat >"$source" 2>/dev/null
    h=$(sha256sum <"$source" 2>/dev/null)
    [ "${{h%% *}}" = "$digest" ] || {{ refuse "its input did not arrive whole (is the disk full?)"; return 0; }}
  fi
  trap '' TERM PIPE HUP
  {{ main 7>&1 >/dev/null 8>&6 6>&- 2>/dev/null | filter out 5>&- 6>&- ; }} 6>&1 | filter err 5>&-
  [ -d "$d" ] || return 0
  look
  answer
  [ "$forget" ] && forget_all "$forget"
  return 0
}}
"""
