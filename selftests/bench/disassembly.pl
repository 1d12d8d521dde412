#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# disassembly.pl OLD NEW FUNCTION...: how the object code of functions differs between two
# object files, without what changes with every change: addresses, places on the stack,
# which register it is, and the order of the instructions. A summary of the instructions that
# only one of them has, by what they are for; then the diff, in order.
use strict;
use warnings;
use File::Temp;

my ($old, $new, @functions) = @ARGV;
die "usage: disassembly.pl OLD NEW FUNCTION...\n" unless @functions;

sub normalised {
	my ($text) = @_;
	local $_ = $text;
	s/\s+/ /g;
	s/ #.*//;
	s/\b[0-9a-f]+ <.*>//;			# where a branch goes to
	s/%(r[0-9]+[dwb]?|[re]?[abcd]x|[abcd][lh]|[re]?[sd]i|[sd]il|[re]?bp|bpl)\b/REG/g;
	s/-?(0x[0-9a-f]+)?\(%rsp\)/STACK/g;
	s/-?0x[0-9a-f]+\(%rip\)/(%rip)/;
	s/\b0x0\(REG\)/(REG)/g;
	s/(sub|add) \$0x[0-9a-f]+,%rsp/$1 FRAME/;
	s/^(nop\w*|xchg REG,REG|data16).*/nop/;
	s/ $//;
	return $_;
}

# The instructions of each function. Of a call it is kept whom it calls.
sub disassembly {
	my ($file) = @_;
	my (%code, $function);
	open my $objdump, '-|', 'objdump', '-dr', '--no-show-raw-insn', $file or die "objdump: $!\n";
	while (my $line = <$objdump>) {
		if ($line =~ /^[0-9a-f]+ <(.+)>:$/) {
			$function = $1;
		} elsif ($line =~ /^\s+[0-9a-f]+: R_\S+\s+(\S+)/) {
			my $symbol = $1 =~ s/[-+]0x[0-9a-f]+$//r;
			$code{$function}[-1] .= " $symbol"
				if $code{$function}[-1] =~ /^(call|jmp)|\(%rip\)/ && $symbol !~ /^\./;
		} elsif ($line =~ /^\s+[0-9a-f]+:\s+(\S.*)/) {
			push @{ $code{$function} }, normalised($1);
		}
	}
	close $objdump or die "disassembly.pl: objdump $file failed\n";
	return \%code;
}

# What an instruction that was not there before is for.
my @purposes = (
	[ qr/^nop$/, 'nops, of patched branches or for alignment' ],
	[ qr/^testb? \$0x4,/, 'test of the mark' ],
	[ qr/^(and|cmp|test)[bl]? \$0x(7|3|f{15}8|f{15}c),|^and \$0xf+[8c],/, 'masks of three state bits, not two' ],
	[ qr/^call __migrate_batch/, 'calls of offload, behind branches' ],
	[ qr/^(mov|movl|movq|movslq|movzbl|lea|push|pop|xor REG,REG|cmov\w+)\b/, 'moves, spills, zeroes' ],
	[ qr/^j/, 'branches' ],
	[ qr/^(test|cmp)/, 'tests' ],
	[ qr/^/, 'others' ],
);

sub purpose {
	my ($instruction) = @_;
	for (@purposes) {
		return $_->[1] if $instruction =~ $_->[0];
	}
}

sub summary {
	my ($function, $before, $after) = @_;
	my (%surplus, %more, %less);
	$surplus{$_}++ for @$after;
	$surplus{$_}-- for @$before;
	for my $instruction (keys %surplus) {
		my $nr = $surplus{$instruction};
		my $side = $nr > 0 ? \%more : \%less;
		$side->{purpose($instruction)} += abs $nr;
	}
	printf "%-22s %5d instructions, vanilla %d\n", $function, scalar @$after, scalar @$before;
	for (@purposes) {
		my $what = $_->[1];
		my ($plus, $minus) = ($more{$what} // 0, $less{$what} // 0);
		printf "    +%-3d -%-3d %s\n", $plus, $minus, $what if $plus || $minus;
	}
}

sub ordered_diff {
	my ($function, $before, $after) = @_;
	my @files;
	for my $code ($before, $after) {
		my $file = File::Temp->new;
		print $file "$_\n" for @$code;
		close $file;
		push @files, $file;
	}
	my @diff = `diff -U1 --label 'vanilla $function' --label 'off $function' $files[0] $files[1]`;
	print @diff ? join('', @diff) : "$function: no difference\n";
}

my ($before, $after) = map { disassembly($_) } $old, $new;
for (@functions) {
	die "disassembly.pl: no function $_ in both objects\n" unless $before->{$_} && $after->{$_};
}
summary($_, $before->{$_}, $after->{$_}) for @functions;
print "\n--- in order\n\n";
ordered_diff($_, $before->{$_}, $after->{$_}) for @functions;
