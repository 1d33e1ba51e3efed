"""A shell that stays on the target where it has Perl: the same work in a third of the processes; pure text.

It keeps the attempt's folder as `detached_start` describes it, so that the shell's scripts read, wait for and end what
it started, and nobody can tell afterwards who did. The wrapper is a process of its own here, too: it records the exit
status and bounds the output, and lives on when the Perl that started it, the connection or the engine dies. It serves
one command after another, since a fork of it would cost as much as a command. A wrapper whose command left children
that hold the output answers within a second or two and goes on reading, while another is made for the next command.

A frame is a line (its kind, the number of bytes that follow; a plain command's has its input's behind it) and those
bytes; one that is cut short never runs.
"""

from runbook_engine.connections.detached_script import MARK, Place
from runbook_engine.connections.detached_start import PIECE
from runbook_engine.connections.resident_plain import PLAIN_PERL
from runbook_engine.connections.shell import encode, program
from runbook_engine.sdk import Command

_LINE = 32  # bytes of the first line of `rc`; who runs the command stands in the second, not in a file of its own

PERL = (
    r"""
# For a session of its own POSIX would have to be loaded, which takes longer than all the rest. Where the kind of this
# program (class, order and machine in its ELF header) tells the system call's number, that is made.
my %calls = ('2 1 62' => 112, '2 1 183' => 157);
my $elf = '';
if (open my $self, '<', '/proc/self/exe') { sysread $self, $elf, 20 }
my $call = length $elf == 20 ? $calls{join ' ', unpack 'x4 C C x12 v', $elf} : undef;
require POSIX unless $call;
sub lead_ { return if $call && syscall($call) == $$;
  require POSIX; POSIX::setsid() }
my ($hello, $library) = @ARGV;  # 4 below is EINTR: its name would load another module
my $piece = PIECE;
$SIG{$_} = 'IGNORE' for qw(TERM PIPE HUP CHLD);
my ($pending, $ended) = ('', 0);

sub tell_ { my $t = join '', @_; my $at = 0;
  while ($at < length $t) { my $n = syswrite(STDOUT, $t, length($t) - $at, $at); next if !defined $n && $! == 4;
    return unless $n; $at += $n } }
sub more { my $n; do { $n = sysread(STDIN, $pending, 65536, length $pending) } while !defined $n && $! == 4;
  return $n }
sub line { my $at; while (($at = index $pending, "\n") < 0) { more() or return }
  my $l = substr $pending, 0, $at + 1, ''; chop $l; return $l }
sub bytes_ { my $n = shift; while (length $pending < $n) { more() or return } return substr $pending, 0, $n, '' }
sub save { my ($path, $how, $text, $at) = @_; open(my $h, $how, $path) or return 0; binmode $h;
  sysseek $h, $at, 0 or return 0 if $at;
  my $n = syswrite $h, $text; return close($h) && defined $n && $n == length $text }
sub slurp { open(my $h, '<', $_[0]) or return ''; binmode $h; local $/; my $t = <$h>; return defined $t ? $t : '' }
sub stat_of { my $l = slurp("/proc/$_[0]/stat"); my ($pid) = $l =~ /^(\d+)/ or return;
  my @f = split ' ', substr $l, rindex($l, ')') + 2; return ($pid, $f[19]) }
sub clear { my $d = shift; opendir(my $h, $d) or return; unlink map { "$d/$_" } grep { !/^\.\.?$/ } readdir $h;
  closedir $h; rmdir $d }
sub refuse { my ($n, $d, $why) = @_; clear($d) if length $d; tell_("$n refused $why\n\n$n end\n") }

sub script { my $text = shift; local $SIG{CHLD} = 'DEFAULT';
  my $pid = fork; return unless defined $pid;
  if (!$pid) { $SIG{$_} = 'DEFAULT' for qw(TERM PIPE HUP); open STDIN, '<', '/dev/null';
    exec 'sh', '-c', "$library\n$text"; exit 127 }
  1 while waitpid($pid, 0) < 0 && $! == 4 }

sub keep { my ($s, $data) = @_;
  while (length $data) {
    return if $s->{full};
    my $head = $s->{size} < $piece;
    my $room = $head ? length $data : $piece - $s->{in};
    my $part = substr $data, 0, $room, '';
    my ($path, $how) = $head ? ($s->{path}, '>>') : ("$s->{path}." . $s->{i} % 3, $s->{in} ? '>>' : '>');
    save($path, $how, $part) or return $s->{full} = 1;
    if ($head) { $s->{size} += length $part; $s->{said} .= $part; next }
    $s->{in} += length $part;
    over($s) if $s->{in} >= $piece;
  } }
sub over { my $s = shift; return unless $s->{in}; $s->{i}++; $s->{in} = 0; save("$s->{path}.i", '>', "$s->{i}\n") }
sub part { my ($n, $s) = @_; my $i = $s->{i};
  my $t = "\n$n $s->{name} " . ($i > 2 ? ($i - 2) * $piece : 0) . "\n" . $s->{said};
  $t .= slurp("$s->{path}." . $_ % 3) for grep { $_ >= 0 } $i - 2, $i - 1;
  return $t }

sub pump { my ($open, $wait) = @_; my $bits = '';
  vec($bits, fileno $_->{from}, 1) = 1 for @$open;
  my $some = select(my $ready = $bits, undef, undef, $wait);
  return 0 unless $some > 0;
  for my $s (@$open) {
    next unless vec($ready, fileno $s->{from}, 1);
    my $got = sysread $s->{from}, my $data, 65536;
    if ($got) { keep($s, $data) }
    elsif (defined $got || $! != 4) { over($s); close $s->{from}; $s->{done} = 1;
      save("$s->{path}.z", '>', '') if $ended }
  }
  @$open = grep { !$_->{done} } @$open;
  return 1 }

sub become_ { my ($n, $d, $who, $cwd, $env, $argv, $out, $err) = @_;
  my ($pid, $start) = stat_of('self');
  if (!save("$d/rc", '+<', "$who->[0] $who->[1] $pid $start $who->[2] -\n", LINE)) {
    refuse($n, $d, 'its disk is full'); exit 0 }
  lead_();
  open STDIN, '<', '/dev/null';
  exec_($cwd, $env, $argv, $out, $err) }
sub exec_ { my ($cwd, $env, $argv, $out, $err) = @_;
  open STDOUT, '>&', $out; open STDERR, '>&', $err;
  my $bad = sub { my ($e, $t) = ($! + 0, "$_[0]: $!\n"); syswrite STDERR, $t;
    exit($_[1] || ($e == 2 ? 127 : 126)) };
  if (length $cwd) {
    chdir $cwd or $bad->($cwd, 126);
    if ($cwd =~ m{^/}) { $ENV{PWD} = $cwd } else { delete $ENV{PWD} }
  }
  $ENV{$_} = $env->{$_} for keys %$env;
  $SIG{$_} = 'DEFAULT' for qw(TERM PIPE HUP CHLD);
  exec { $argv->[0] } @$argv;
  $bad->($argv->[0]) }

sub wrap { my ($who, $n, $d, $cwd, $env, $argv, $answered) = @_;
  pipe(my $or, my $ow) && pipe(my $er, my $ew) or return refuse($n, $d, 'it has no pipe left');
  my $pid = fork;
  return refuse($n, $d, 'it can make no process') unless defined $pid;
  become_($n, $d, $who, $cwd, $env, $argv, $ow, $ew) unless $pid;
  close $ow; close $ew;
  my @streams = map { { name => $_->[0], from => $_->[1], path => "$d/$_->[0]" } } ['out', $or], ['err', $er];
  @$_{qw(size in i said)} = (0, 0, 0, '') for @streams;
  my @open = @streams; my ($gone, $wait) = (0, 0.01); $ended = 0;
  until ($gone) {
    $wait = pump(\@open, $wait) ? 0.01 : $wait < 0.5 ? $wait * 2 : 1 if @open;
    $gone = waitpid $pid, @open ? 1 : 0;
    $gone = 0 if $gone < 0 && $! == 4;
  }
  my $rc = $? & 127 ? 128 + ($? & 127) : $? >> 8;
  return unless -d $d;
  # What is not told, nobody waits for.
  exit 0 unless save("$d/rc", '+<', sprintf "%-*s\n", LINE - 1, "done $rc" . (@open ? '' : ' whole'));
  $ended = 1;
  if (@open) { $_->{done} && save("$_->{path}.z", '>', '') for @streams }
  for (1 .. 32) { last unless @open && pump(\@open, 0) }  # what the pipes held; a child may go on for ever
  tell_("$n ended\n") if @open;
  my ($until, $idle) = (time + 2, 0);
  while (@open && time < $until && $idle < 8) { pump(\@open, 0.1) or $idle++ }
  tell_("$n state done $rc\n", (map { part($n, $_) } @streams), "\n$n end\n");
  return unless @open;
  syswrite $answered, 'x'; close $answered;
  pump(\@open, undef) while @open;
  exit 0 }

sub serve { my ($jobs, $answered) = @_;
  open STDIN, '<&', $jobs or exit 0; close $jobs; $pending = '';
  $SIG{CHLD} = sub { };
  my $boot = slurp('/proc/sys/kernel/random/boot_id'); chomp $boot;
  my $who = [stat_of('self'), $boot];
  while (defined(my $size = line())) {
    my $job = bytes_($size); exit 0 unless defined $job;
    my ($n, $d, $cwd, $many, @rest) = split /\0/, $job, -1;
    my %env = splice @rest, 0, 2 * $many;
    wrap($who, $n, $d, $cwd, \%env, \@rest, $answered);
    syswrite $answered, 'f';
  }
  exit 0 }
my $server;
sub give_ { my $job = shift;
  for my $once (0, 1) {
    if (!$server) {
      pipe(my $from, my $to) && pipe(my $answers, my $answered) or return 0;
      my $pid = fork; return 0 unless defined $pid;
      if (!$pid) { close $to; close $answers; serve($from, $answered) }
      $server = [$to, $answers];
    }
    my $at = 0;
    while ($at < length $job) { my $put = syswrite $server->[0], $job, length($job) - $at, $at;
      next if !defined $put && $! == 4; last unless $put; $at += $put }
    return 1 if $at == length $job;
    $server = undef;  # it was ended while nobody needed it; a job that is cut short never runs
  }
  return 0 }

sub base_ { return length $_[0] ? $_[0] : "$ENV{HOME}/.runbook/attempts" }
sub start { my ($n, $base, $token, $forget, $command) = split /\0/, $_[0], 5;
  return refuse($n, '', 'HOME is not set there') unless length $base || length $ENV{HOME};
  $base = base_($base);
  my $d = "$base/$token"; my $mask = umask 0;
  my $made = mkdir $d, 0700;
  if (!$made && !-d $d) {
    my $at = ''; umask 077;
    for (split m{/}, $base) { $at .= "$_/"; mkdir $at unless -d $at }
    umask 0; $made = mkdir $d, 0700;
  }
  umask $mask;
  return refuse($n, '', "$d can not be made (is the disk full?)") unless $made || -d $d;
  return tell_("$n exists\n\n$n end\n") unless $made;
  my $reserved = sprintf "%-*s\n%*s", LINE - 1, 'pending', 256 - LINE, '';
  return refuse($n, $d, 'its disk is full') unless save("$d/rc", '>', $reserved);
  my $job = "$n\0$d\0$command";
  return refuse($n, $d, 'it can make no process') unless give_(length($job) . "\n" . $job);
  my ($got, $byte);
  do { $got = sysread $server->[1], $byte, 1 } while !defined $got && $! == 4;
  $server = undef unless $got && $byte eq 'f';
  my $head = "N=$n; base=" . quoted($base) . "; d=\$base/$token";
  script("$head\nlook\nanswer") unless $got;
  forget($head, $base, split ' ', $forget) }
sub forget { my ($head, $base, @tokens) = @_;
  my @rest = grep { slurp("$base/$_/rc") =~ /^done/ ? (clear("$base/$_"), 0)[1] : 1 } @tokens;
  script("$head\nforget_all '@rest'") if @rest }
sub quoted { my $t = shift; $t =~ s/'/'\\''/g; return "'$t'" }

sub forget_now { my ($n, $base, $tokens) = split /\0/, $_[0];
  $base = base_($base);
  forget("N=$n; base=" . quoted($base), $base, split ' ', $tokens);
  tell_("$n state absent\n\n$n end\n") }

PLAIN
exit 0 unless -r '/proc/self/stat';
tell_("\n$hello perl\n\n$hello end\n");
while (defined(my $frame = line())) {
  my ($kind, $size, $more) = $frame =~ /^(start|script|forget|greet|plain) (\d+)(?: (\d+))?$/ or last;
  my $body = bytes_($size);
  last unless defined $body;
  if ($kind eq 'plain') { my $given = bytes_($more || 0); last unless defined $given; plain($given, $body) }
  elsif ($kind eq 'start') { start($body) } elsif ($kind eq 'forget') { forget_now($body) }
  elsif ($kind eq 'greet') { tell_("\n$body end\n") } else { script($body) }
}
""".replace("PIECE", str(PIECE))
    .replace("LINE", str(_LINE))
    .replace("PLAIN\n", PLAIN_PERL)
)


def perl_start(place: Place, command: Command, forget: tuple[str, ...]) -> bytes:
    """Give the frame that starts a command.

    Raises:
        RunbookError: a variable's name or a word of the command can't be given to a process.
    """
    program(command)  # says what can't be given
    pairs = [word for pair in {**command.environment, MARK: place.token}.items() for word in pair]
    head = (place.nonce, place.base or "", place.token, " ".join(forget), command.cwd or "", str(len(pairs) // 2))
    return _frame("start", "\0".join((*head, *pairs, *command.argv)))


def perl_forget(place: Place, tokens: tuple[str, ...]) -> bytes:
    """Give the frame that removes the folders of commands that are over."""
    return _frame("forget", "\0".join((place.nonce, place.base or "", " ".join(tokens))))


def perl_greeting(nonce: str) -> bytes:
    """Give the frame that is only answered: is it there?"""
    return _frame("greet", nonce)


def perl_script(text: str) -> bytes:
    """Give the frame that has a shell do a script; the library is there."""
    return _frame("script", text)


def _frame(kind: str, text: str) -> bytes:
    body = encode(text)
    return b"%s %d\n%s" % (kind.encode(), len(body), body)
