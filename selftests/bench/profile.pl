#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# profile.pl FOLIOS OLD NEW: what was executed between the last two marks of each file that
# insns.so wrote, by folio and function, and the difference, the largest first.
use strict;
use warnings;

my ($folios, @files) = @ARGV;
die "usage: profile.pl FOLIOS OLD NEW\n" unless @files == 2;

sub last_pass {
	my ($file) = @_;
	my @marks;
	open my $counts, '<', $file or die "profile.pl: $file: $!\n";
	while (<$counts>) {
		push @marks, {} if /^mark/;
		next unless /^(\d+) (\d+) (.+)$/;
		$marks[-1]{$3}[0] += $1;
		# Of a function's parts the first one has its entry.
		$marks[-1]{$3}[1] //= $2;
	}
	die "profile.pl: $file: fewer than two marks\n" if @marks < 2;
	my ($before, $after) = @marks[-2, -1];
	my %pass;
	for my $name (keys %$after) {
		my $old = $before->{$name} // [ 0, 0 ];
		$pass{$name} = [ map { ($after->{$name}[$_] - $old->[$_]) / $folios } 0, 1 ];
	}
	return \%pass;
}

my ($old, $new) = map { last_pass($_) } @files;
my %all = (%$old, %$new);
my @rows = map { [ $_, $old->{$_} // [ 0, 0 ], $new->{$_} // [ 0, 0 ] ] } keys %all;
my ($sum_old, $sum_new) = (0, 0);

printf "%10s %10s %10s %8s %8s  %s\n", 'old', 'new', 'change', 'calls', 'calls', 'function';
for my $row (sort { abs($b->[2][0] - $b->[1][0]) <=> abs($a->[2][0] - $a->[1][0]) } @rows) {
	my ($name, $a, $b) = @$row;
	$sum_old += $a->[0];
	$sum_new += $b->[0];
	next if abs($b->[0] - $a->[0]) < 0.05;
	printf "%10.2f %10.2f %+10.2f %8.3f %8.3f  %s\n", $a->[0], $b->[0], $b->[0] - $a->[0],
		$a->[1], $b->[1], $name;
}
printf "%10.2f %10.2f %+10.2f %17s  %s\n", $sum_old, $sum_new, $sum_new - $sum_old, '', 'together';
