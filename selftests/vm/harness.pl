#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# harness.pl DIR: run the programs that DIR/order lists through run-test, judge their TAP,
# judge the kernel logs of the VMs they were run in, and print the sum.
use strict;
use warnings;
use File::Basename;
use TAP::Harness;

my $dir = shift;
my $here = dirname($0);
$| = 1;

sub lines {
	open(my $file, '<', shift) or return ();
	chomp(my @lines = <$file>);
	return @lines;
}

# Test points that are not there because their program ended early, and programs
# that ended badly though no point says so, are failures like any other.
sub sum {
	my $results = shift;
	my ($passed, $failed, $skipped) = (0, 0, 0);

	for my $parser ($results->parsers) {
		if ($parser->skip_all) {
			$skipped++;
			next;
		}
		my $bad = $parser->failed;
		my $lost = ($parser->tests_planned || 0) - $parser->tests_run;

		$bad += $lost if $lost > 0;
		$bad = 1 if !$bad && $parser->has_problems;
		$failed += $bad;
		$skipped += $parser->skipped;
		$passed += $parser->passed - $parser->skipped;
	}
	return ($passed, $failed, $skipped);
}

sub wait_for_end {
	my $vm = shift;
	my ($pid) = lines("$vm/pid");

	for (1 .. 150) {
		return unless $pid && kill(0, $pid);
		select(undef, undef, undef, 0.2);
	}
	print "# the VM of $vm did not power off within 30 seconds\n";
	kill('TERM', -$pid);
}

my @programs = map { [ $_, basename($_, '.sh') ] } lines("$dir/order");
my $harness = TAP::Harness->new({
	exec => ["$here/run-test"],
	verbosity => $ENV{V} ? 1 : 0,
	failures => 1,
	timer => 1,
	color => -t STDOUT ? 1 : 0,
});
my $results = $harness->runtests(@programs);
my ($passed, $failed, $skipped) = sum($results);

for my $vm (lines("$dir/vms")) {
	wait_for_end($vm);
	if (system("$here/scan-log", "$vm/console.log") == 0) {
		$passed++;
	} else {
		$failed++;
	}
}

print "$passed passed, $failed failed" . ($skipped ? ", $skipped skipped" : '') . "\n";
exit($failed || !($passed + $skipped) ? 1 : 0);
