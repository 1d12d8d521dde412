#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# functions.pl VMLINUX OBJECT...: the map that insns.so wants. The functions of the objects
# are divided: what gcc has inlined into them, directly, is "INTO/INLINED".
use strict;
use warnings;

my ($vmlinux, @objects) = @ARGV;
my (%divided, @functions);

sub lines_of {
	open my $pipe, '-|', @_ or die "functions.pl: $_[0]: $!\n";
	my @lines = <$pipe>;
	close $pipe or die "functions.pl: $_[0] failed\n";
	return @lines;
}

for (map { lines_of('nm', $_) } @objects) {
	$divided{$1} = 1 if /^[0-9a-f]+ [tT] (\S+)/;
}

# Each function reaches to the next one; of several names the first is as good as any. Low
# halves of addresses are enough: the kernel's image has the highest 2 GiB.
for (lines_of('nm', '-n', $vmlinux)) {
	next unless /^f{8}([0-9a-f]{8}) [tTwW] (\S+)/;
	my ($address, $name) = (hex $1, $2);
	next if @functions && $functions[-1][0] == $address;
	$functions[-1][1] = $address if @functions;
	push @functions, [ $address, 0, $name ];
}

sub full {
	return sprintf 'ffffffff%08x', $_[0];
}

sub divide {
	my ($begin, $end, $name) = @_;
	my @addresses = map { /^f{8}([0-9a-f]{8}):/ ? hex $1 : () }
		lines_of('objdump', '-d', '--no-show-raw-insn', '--start-address=0x' . full($begin),
			 '--stop-address=0x' . full($end), $vmlinux);
	my @inlined = map { /^0x/ ? undef : $_ }
		lines_of('addr2line', '-a', '-f', '-i', '-e', $vmlinux, map { full($_) } @addresses);
	my @parts;
	# After each address a pair of lines, function and place, for each frame: innermost first.
	for my $address (@addresses) {
		shift @inlined;
		my @frames;
		while (@inlined && defined $inlined[0]) {
			push @frames, $inlined[0] =~ s/\s+$//r;
			splice @inlined, 0, 2;
		}
		my $part = @frames > 1 ? "$name/$frames[-2]" : $name;
		next if @parts && $parts[-1][2] eq $part;
		$parts[-1][1] = $address if @parts;
		push @parts, [ $address, $end, $part ];
	}
	return @parts;
}

pop @functions;
for my $function (@functions) {
	my @parts = $divided{$function->[2]} ? divide(@$function) : $function;
	printf "%s %x %s\n", full($_->[0]), $_->[1] - $_->[0], $_->[2] for @parts;
}
