#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# stack.pl ROOT FILE.ci...: the deepest chain of calls from ROOT that stays within the files
# that gcc has written down (-fcallgraph-info=su), with the bytes of stack of each function.
# Of indirect calls two are known: a migrator's submit(), of which the CPU's is in the
# files, and a policy's callback, whose program has at most 512 bytes of its own.
use strict;
use warnings;

my ($root, @files) = @ARGV;
die "usage: stack.pl ROOT FILE.ci...\n" unless @files;
# By the names that gcc gives: a static function's begins with its file.
my (%bytes, %calls, %title);

sub name {
	return $_[0] =~ s/^.*://r;
}

for my $file (@files) {
	open my $graph, '<', $file or die "stack.pl: $file: $!\n";
	while (<$graph>) {
		if (/^node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes/) {
			$bytes{$1} = $2;
			$title{name($1)} = $1;
		} elsif (/^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/) {
			my ($from, $to) = ($1, $2);
			$to = name($from) =~ /^migrate_policy_/ ? 'a BPF program' : 'a submit()'
				if $to eq '__indirect_call' && $file =~ /offload/;
			$calls{$from}{$to} = 1;
		}
	}
}
$bytes{'a BPF program'} = 512;
$bytes{'a submit()'} = 0;
$calls{'a submit()'} = { $title{cpu_submit} => 1 } if $title{cpu_submit};
die "stack.pl: no function $root\n" unless $title{$root};

# [bytes, function, function...] from $function down; nothing is called twice in a chain.
sub deepest {
	my ($function, %above) = @_;
	my @best = (0);
	for my $callee (sort keys %{ $calls{$function} // {} }) {
		next if !defined $bytes{$callee} || $above{$callee};
		my @chain = deepest($callee, %above, $function => 1)->@*;
		@best = @chain if $chain[0] > $best[0];
	}
	my ($sum, @rest) = @best;
	return [ $sum + $bytes{$function}, name($function) . " $bytes{$function}", @rest ];
}

my ($sum, @chain) = deepest($title{$root})->@*;
printf "%d bytes: %s\n", $sum, join ', ', @chain;
