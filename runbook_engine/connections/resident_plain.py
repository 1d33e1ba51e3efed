"""Plain commands by the Perl that stays on the target: no folder, both streams apart, bound to the connection.

The answer is a row of pieces: `b <pid> <nonce>` when the command begins, `o <n>` and `e <n>` with n bytes of a stream
behind them, `x <exit status> <nonce>` at its end, or `r <nonce> <why>` in place of all that. Each command has pipes of
its own, so that what its children say later goes nowhere. What it said in its first instant goes with its end, since
each write is a packet. When nobody listens any more, Perl ends, and who writes then gets SIGPIPE, as when a session of
sshd ends.
"""

from runbook_engine.connections.shell import encode, program
from runbook_engine.sdk import Command

# A pipe that takes any byte takes 4096. 4 is EINTR.
PLAIN_PERL = r"""
sub plain { my ($given, $body) = @_;
  my ($n, $cwd, $many, @argv) = split /\0/, $body, -1;
  my %env = splice @argv, 0, 2 * $many;
  my ($ir, $iw);
  pipe(my $or, my $ow) && pipe(my $er, my $ew) && (!length $given || pipe $ir, $iw)
    or return tell_("r $n it has no pipe left\n");
  local $SIG{CHLD} = sub { };
  my $pid = fork;
  return tell_("r $n it can make no process\n") unless defined $pid;
  if (!$pid) { lead_(); open STDIN, $ir ? '<&' : '<', $ir || '/dev/null'; exec_($cwd, \%env, \@argv, $ow, $ew) }
  close $_ for $ow, $ew, $ir || ();
  my @open = (['o', $or], ['e', $er]);
  my ($held, $end, $wait, $turns, $quiet, $until) = ("b $pid $n\n", undef, 0.02, 0, 0);
  while (@open || !defined $end) {
    my ($in, $out) = ('', '');
    vec($in, $_, 1) = 1 for 0, map { fileno $_->[1] } @open;
    vec($out, fileno $iw, 1) = 1 if length $given;
    my $some = select $in, $out, undef, $wait;
    if ($some > 0) {
      exit 0 if vec($in, 0, 1) && !more();
      if (length $given && vec $out, fileno $iw, 1) {
        my $put = syswrite $iw, $given, 4096;
        if ($put) { substr $given, 0, $put, '' } elsif ($! != 4) { $given = '' }
        close $iw unless length $given;
      }
      for my $s (@open) {
        next unless vec $in, fileno $s->[1], 1;
        my $got = sysread $s->[1], my $data, 65536;
        if ($got) { $held .= "$s->[0] $got\n$data" } elsif (defined $got || $! != 4) { $s->[2] = 1 }
      }
      @open = grep { !$_->[2] } @open;
    }
    if (!$some || ++$turns > 8 || length $held > 32768) { tell_($held); $held = ''; $turns = 0 }
    $end = $? if !defined $end && waitpid($pid, 1) == $pid;
    if (!defined $end) { $wait = !@open && $some ? 0.002 : $some ? 0.02 : $wait < 0.5 ? $wait * 2 : 1 }
    else { $wait = 0.1; $until ||= time + 2; last if time >= $until || !$some && ++$quiet >= 10 }
  }
  tell_($held . 'x ' . ($end & 127 ? 128 + ($end & 127) : $end >> 8) . " $n\n");
  1 while waitpid(-1, 1) > 0 }
"""


def plain_frame(nonce: str, command: Command) -> bytes:
    """Give the frame that runs a command whose input goes along.

    Raises:
        RunbookError: a variable's name or a word of the command can't be given to a process.
    """
    program(command)  # says what can't be given
    pairs = [word for pair in command.environment.items() for word in pair]
    words = (nonce, command.cwd or "", str(len(pairs) // 2), *pairs, *command.argv)
    body = encode("\0".join(words))
    return b"plain %d %d\n%s%s" % (len(body), len(command.stdin), body, command.stdin)
