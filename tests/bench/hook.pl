#!/usr/bin/perl
# The hook's duty in Perl, for `make bench` to compare with; nobody's VM should run it.
#
# As hook.py beside it, with the same rules in JSON, which is what Perl programs of Proxmox VE read:
# by JSON::XS where that is installed, else by JSON::PP. It loads what a phase needs and no more.
use strict;
use warnings;

use Fcntl qw(:DEFAULT :flock :mode);
use IO::Handle;
use POSIX qw(strftime floor);

my $CONFIG = '/etc/pve/qemu-server';
my $ALLOWLIST = '/etc/time-shift/allowlist.json';
my $STATE = '/run/bench';
my $AUDIT = '/var/log/bench/perl.log';

my $JSON;

sub json {
    $JSON //= do {
        my $class = eval { require JSON::XS; 1 } ? 'JSON::XS' : do { require JSON::PP; 'JSON::PP' };
        $class->new->utf8->canonical;
    };
    return $JSON;
}

sub slurp {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

sub read_allowlist {
    sysopen(my $file, $ALLOWLIST, O_RDONLY | O_NOFOLLOW) or die "$ALLOWLIST: $!\n";
    my @info = stat($file);
    die "$ALLOWLIST is not root's alone\n"
        if !S_ISREG($info[2]) || $info[4] != 0 || $info[2] & 022;
    local $/;
    return json()->decode(scalar <$file>);
}

sub read_config {
    my ($vmid) = @_;
    my %config;
    for my $line (split /\n/, slurp("$CONFIG/$vmid.conf")) {
        last if $line =~ /^\[/;
        $config{$1} = $2 if $line =~ /^([a-z][a-z_-]*\d*):\s*(.*?)\s*$/;
    }
    return \%config;
}

sub covers {
    my ($rule, $vmid) = @_;
    for my $entry (@{ $rule->{vmids} }) {
        my ($first, $last) = split /-/, $entry;
        return 1 if $first <= $vmid && $vmid <= ($last // $first);
    }
    return 0;
}

sub time_text {
    return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($_[0]));
}

sub time_of {
    my ($text, $day_end) = @_;
    require Time::Local;
    $text =~ /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)Z)?$/ or die "no time: $text\n";
    my $time = Time::Local::timegm_modern($6 // 0, $5 // 0, $4 // 0, $3, $2 - 1, $1);
    return defined $4 || !$day_end ? $time : $time + 86400;
}

sub years_from {
    my ($time, $years) = @_;
    my @tm = gmtime($time);
    $tm[3] = 28 if $tm[3] == 29 && $tm[4] == 1;
    return Time::Local::timegm_modern(@tm[0 .. 4], $tm[5] + 1900 + $years);
}

sub audit {
    my ($record, $durable) = @_;
    $record->{time} = time_text(time);
    chomp($record->{boot_id} = slurp('/proc/sys/kernel/random/boot_id'));
    my $line = json()->encode($record) . "\n";
    sysopen(my $file, $AUDIT, O_WRONLY | O_APPEND | O_CREAT, 0640) or die "$AUDIT: $!\n";
    flock($file, LOCK_EX) or die "$AUDIT: $!\n";
    (syswrite($file, $line) // 0) == length $line or die "$AUDIT: short write\n";
    !$durable || $file->sync or die "$AUDIT: $!\n";
    close($file) or die "$AUDIT: $!\n";
    return;
}

sub save {
    my ($vmid, $state) = @_;
    my $name = "$STATE/$vmid.perl";
    open(my $file, '>', "$name.tmp") or die "$name: $!\n";
    print {$file} json()->encode($state) or die "$name: $!\n";
    close($file) or die "$name: $!\n";
    rename("$name.tmp", $name) or die "$name: $!\n";
    return;
}

sub pre_start {
    my ($vmid) = @_;
    unlink("$STATE/$vmid.perl");
    my $config = read_config($vmid);
    my $allowlist = read_allowlist();
    die "unknown version\n" if $allowlist->{version} != 1;
    my @rules = grep { covers($_, $vmid) } @{ $allowlist->{allow} };
    return if !@rules;
    die "two rules for one VM\n" if @rules > 1;
    my $rule = $rules[0];
    my $profile = $allowlist->{profiles}{ $rule->{assign} } or die "no such profile\n";
    my $host = time;
    my $guest = time_of($profile->{target});
    my ($years) = $rule->{'max-shift'} =~ /^(\d+)y$/ or die "no span\n";
    die "the target lies outside of the rule's bounds\n"
        if $guest < time_of($rule->{earliest}) || $guest >= time_of($rule->{latest}, 1);
    die "the target lies beyond max-shift\n"
        if $guest < years_from($host, -$years) || $guest > years_from($host, $years);
    audit({
        event => 'intent', vmid => $vmid, name => $config->{name}, profile => $rule->{assign},
        guest_time => time_text($guest), offset => $guest - $host,
    }, 1);
    save($vmid, { vmid => $vmid, profile => $rule->{assign}, target => time_text($guest) });
    print "time-shift: VM $vmid ($config->{name}): the guest is to boot at ", time_text($guest), "\n";
    return;
}

my $monitor;

sub answer {
    while (defined(my $line = <$monitor>)) {
        my $answer = json()->decode($line);
        die "the monitor: $answer->{error}{desc}\n" if $answer->{error};
        return $answer if exists $answer->{return} || exists $answer->{QMP};
    }
    die "the monitor hung up\n";
}

sub call {
    my ($command, %arguments) = @_;
    my $request = { execute => $command, %arguments ? (arguments => \%arguments) : () };
    print {$monitor} json()->encode($request), "\n" or die "the monitor: $!\n";
    return answer()->{return};
}

sub human {
    return call('human-monitor-command', 'command-line' => $_[0]);
}

sub write_register {
    my ($register, $value) = @_;
    human(sprintf 'o /b 0x70 0x%x', $register);
    human(sprintf 'o /b 0x71 0x%x', $value);
    return;
}

sub set_rtc {
    my ($time) = @_;
    my ($second, $minute, $hour, $day, $month, $year, $weekday) = gmtime($time);
    human('o /b 0x70 0xb');
    my ($status_b) = map { hex } human('i /b 0x71') =~ /= 0x([0-9a-f]+)/ or die "no status B\n";
    my $number = sub { $status_b & 4 ? $_[0] : int($_[0] / 10) << 4 | $_[0] % 10 };
    my $hours = $status_b & 2 ? $number->($hour) : $number->($hour % 12 || 12) | ($hour >= 12 ? 0x80 : 0);
    $year += 1900;
    write_register(0x0b, $status_b | 0x80);
    write_register(@$_) for (
        [0x00, $number->($second)], [0x02, $number->($minute)], [0x04, $hours],
        [0x06, $number->($weekday + 1)], [0x07, $number->($day)], [0x08, $number->($month + 1)],
        [0x09, $number->($year % 100)], [0x32, $number->(floor($year / 100))],
    );
    write_register(0x0b, $status_b);
    # The index stays on a register whose writes are ignored.
    human('o /b 0x70 0x0d');
    return;
}

sub post_start {
    my ($vmid) = @_;
    return if !-e "$STATE/$vmid.perl";
    require IO::Socket::UNIX;
    require Time::HiRes;
    my $state = json()->decode(slurp("$STATE/$vmid.perl"));
    my $target = time_of($state->{target});
    local $SIG{ALRM} = sub { die "QEMU has not answered in time\n" };
    alarm 3;
    $monitor = IO::Socket::UNIX->new(Peer => "/run/qemu-server/$vmid.qmp") or die "the monitor: $!\n";
    $monitor->autoflush(1);
    answer()->{QMP} or die "no QMP greeting\n";
    call('qmp_capabilities');
    my $was = call('query-status')->{status};
    die "QEMU is $was\n" if $was !~ /^(?:running|paused|prelaunch)$/;
    my $begun = Time::HiRes::time();
    call('stop') if $was eq 'running';
    my $done = eval {
        die "the VM did not stop\n" if $was eq 'running' && call('query-status')->{status} ne 'paused';
        set_rtc($target);
        1;
    };
    my $error = $@;
    call('cont') if $was eq 'running';
    my $paused = Time::HiRes::time() - $begun;
    die $error if !$done;
    my $tm = call('qom-get', path => '/machine', property => 'rtc-time');
    my $shown = Time::Local::timegm_modern(@$tm{qw(tm_sec tm_min tm_hour tm_mday tm_mon)}, $tm->{tm_year} + 1900);
    alarm 0;
    my $verified = $shown - $target >= 0 && $shown - $target <= 2;
    audit({ event => 'outcome', vmid => $vmid, guest_time => time_text($target), verified => $verified ? 1 : 0 }, 0);
    save($vmid, { %$state, verified => $verified ? 1 : 0 });
    die "the RTC shows ", time_text($shown), "\n" if !$verified;
    printf "time-shift: VM %d: RTC set to %s, paused %.3f s\n", $vmid, time_text($target), $paused;
    return;
}

# A failure of ours must not keep the VM from starting.
eval {
    my ($vmid, $phase) = @ARGV;
    die "usage: hook.pl VMID PHASE\n" if !$phase || $vmid !~ /^[1-9]\d{2,8}$/;
    pre_start($vmid) if $phase eq 'pre-start';
    post_start($vmid) if $phase eq 'post-start';
    1;
} or print STDERR "time-shift: VM $ARGV[0]: clock left alone: $@";
