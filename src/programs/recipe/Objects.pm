# What `compile` needs to know: how compilations of a neighbouring kernel are looked up and compared.
#
#   /usr/lib/lockstep/objects    compilations of the neighbour; missing when there is none
#   /usr/lib/lockstep/neighbour  changed, added, options: one path, file name, CONFIG_ name a line; version: two numbers
#   /out/objects                 gets this build's compilations, `hits`, the names of those that were taken, and `again`, of those
#                                that it had made before itself
package Objects;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw($OBJECTS $NEIGHBOUR $KEPT slurp spill sums pooled lines_of listed place is_kernels is_same note_taken);

our $OBJECTS   = '/usr/lib/lockstep/objects';
our $NEIGHBOUR = '/usr/lib/lockstep/neighbour';
our $KEPT      = '/out/objects';
my $KNOWN      = '/tmp/lockstep-cc/known';
my $COMMON     = '/usr/src/linux-headers-common/';
my $FLAVOUR    = '/usr/src/linux-headers/';

sub slurp {
    my ($file) = @_;
    open my $in, '<:raw', $file or return undef;
    local $/;
    my $text = <$in>;
    return defined $text ? $text : '';
}

sub spill {
    my ( $file, $text ) = @_;
    my $temporary = "$file.$$";
    open my $out, '>:raw', $temporary or return 0;
    my $good = print {$out} $text;
    $good = close($out) && $good;
    return $good && rename( $temporary, $file );
}

# Names texts by their content well enough, lines in their order; whether two are equal is always decided by comparing.
sub sums {
    my ($text) = @_;
    my ( $hash, $line ) = ( 0, 0 );
    for ( split /\n/, $text ) { $line++; $hash = ( $hash * 31 + $line * unpack( '%32C*', $_ ) + length ) & 0xffffffff }
    return join '-', length $text, $hash, map { unpack "%32${_}", $text } 'C*', 'n*', 'N*';
}

sub lines_of { my $text = slurp(shift); return defined $text ? split( /\n/, $text ) : () }

# The files of a list as gcc writes it for make.
sub listed {
    my ($text) = @_;
    return undef if !defined $text || $text =~ /\\[ #\$]/;
    $text =~ s/^[^:]*://;
    $text =~ s/\\\n/ /g;
    return [ split ' ', $text ];
}

# A path as the lists of headers have it, and whether it is one of the kernel's (1), of the build root (2) or other (0).
sub place {
    my ( $folder, $path ) = @_;
    # Nearly all of a list.
    return ( $path, 1 ) if $path =~ m{^/usr/src/linux-headers(?:-common)?/} && $path !~ m{/\.\.?/};
    $path = "$folder/$path" if $path !~ m{^/};
    $path =~ s{/\./}{/}g;
    1 while $path =~ s{/[^/]+/\.\./}{/};
    return ( $path, $path =~ m{^(?:\Q$COMMON\E|\Q$FLAVOUR\E)} ? 1 : $path =~ m{^/usr/(?:lib/gcc|include)/} ? 2 : 0 );
}

# Keeps a file of the source, once for all compilations that read it. Returns the name of what is kept; none when it
# can't be. Whoever changes a file changes its ctime: one that is older than now names the content it had.
sub pooled {
    my ($path) = @_;
    my ( $device, $inode, $size, $changed ) = ( stat $path )[ 0, 1, 7, 10 ];
    return undef unless defined $changed;
    my $known = "$KNOWN/$device-$inode-$size-$changed-" . sums($path);
    if ( defined( my $pool = slurp($known) ) ) { return $pool }
    my $settled = $changed < time - 1;
    my $content = slurp($path);
    return undef unless defined $content;
    my $pool   = 'p_' . sums($content) . '_' . sums($path);
    my $before = slurp("$KEPT/$pool");
    return undef unless defined $before ? $before eq $content : spill( "$KEPT/$pool", $content );
    spill( $known, $pool ) if $settled;
    return $pool;
}

my $VERSION_HEADER = "${FLAVOUR}include/generated/uapi/linux/version.h";
my $CONFIG_HEADER  = "${FLAVOUR}include/generated/autoconf.h";

# Whether what a source's file asks of the kernel's version has the same answers for both kernels: LINUX_VERSION_CODE is
# only compared with KERNEL_VERSION of numbers or of a macro's own parameters, and no three numbers that stand together
# are a version between the two.
sub same_answers {
    my ( $text, $old, $new ) = @_;
    # A string that looks like a comment would hide what follows it.
    return 0 if $text =~ m{"[^"\n]*/[*/]};
    $text =~ s{/\*.*?\*/|//[^\n]*}{ }gs;
    $text =~ s/\\\n/ /g;
    return 0 if $text =~ /\bLINUX_VERSION_(?:MAJOR|PATCHLEVEL|SUBLEVEL)\b|\bUTS_RELEASE\b/;
    for my $line ( grep { /LINUX_VERSION_CODE/ } split /\n/, $text ) {
        my %parameters;
        if ( $line =~ /^\s*#\s*define\s+\w+\(([^)]*)\)/ ) { $parameters{$_} = 1 for $1 =~ /\w+/g }
        my $number = qr/\s*(\w+)\s*/;
        my $fits   = 1;
        $line =~ s{LINUX_VERSION_CODE\s*(?:[<>]=?|[!=]=)\s*KERNEL_VERSION\s*\($number,$number,$number\)}{
            my @words = ( $1, $2, $3 );
            my $own   = grep { $parameters{$_} } @words;
            $fits &&= $own == 3 || ( $own == 0 && !grep { !/^\d+$/ } @words );
            ''
        }ge;
        $line =~ s{KERNEL_VERSION\s*\($number,$number,$number\)\s*(?:[<>]=?|[!=]=)\s*LINUX_VERSION_CODE}{
            my @words = ( $1, $2, $3 );
            my $own   = grep { $parameters{$_} } @words;
            $fits &&= $own == 3 || ( $own == 0 && !grep { !/^\d+$/ } @words );
            ''
        }ge;
        return 0 if !$fits || $line =~ /LINUX_VERSION_CODE/;
    }
    while ( $text =~ /\b(\d+)\s*,\s*(?=(\d+)\s*,\s*(\d+)\b)/g ) {
        my $bound = ( $1 << 16 ) + ( $2 << 8 ) + ( $3 > 255 ? 255 : $3 );
        return 0 if $bound >= $old && $bound <= $new;
    }
    return 1;
}

# Whether a folder of headers is the kernel's. kbuild compiles in the folder of the flavour's.
sub is_kernels {
    my ($folder) = @_;
    return $folder =~ m{^(?:/usr/src/linux-headers(?:-common)?/|\./)} && $folder !~ m{/\.\.(?:/|$)}
      && ( $folder !~ m{^\./} || ( readlink('/proc/self/cwd') || '' ) . '/' eq $FLAVOUR );
}

# Whether nothing differs that a compilation of a store was made from: of the neighbour's, or of this build's own. Its
# arguments are for who asks.
sub is_same {
    my ( $store, $entry ) = @_;
    my $base    = "$store/$entry";
    my $differs = $store eq $OBJECTS ? $NEIGHBOUR : '/nowhere';
    my $args    = slurp("$base.args");
    return 0 unless defined $args;
    my ($folder) = split /\0/, $args, 2;
    my $files = listed( slurp("$base.d") );
    return 0 unless $files;
    my %changed = map { $_ => 1 } lines_of("$differs/changed");
    my %added   = map { $_ => 1 } lines_of("$differs/added");
    my $asks;
    for my $file (@$files) {
        my ( $path, $kind ) = place( $folder, $file );
        return 0 if $kind == 1 && $changed{$path};
        # The lists of what differs don't have these.
        return 0 if $store eq $OBJECTS && $kind == 1 && $path =~ m{^/usr/src/linux-headers[^/]*/(?:scripts|tools)/};
        return 0 if %added && $path =~ m{([^/]+)$} && $added{$1};
        $asks = 1 if $path eq $VERSION_HEADER;
    }
    my $version = slurp("$differs/version");
    my ( $old, $new ) = defined $version && $version =~ /^(\d+) (\d+)/ ? ( $1, $2 ) : ( 0, 0 );
    ( $old, $new ) = ( $new, $old ) if $old > $new;
    my $options = join '|', map { quotemeta } lines_of("$differs/options");
    my $local = slurp("$base.local");
    return 0 unless defined $local;
    for my $line ( split /\n/, $local ) {
        my ( $pool, $path ) = split /\t/, $line, 2;
        my $now    = slurp($path);
        my $before = slurp("$store/$pool");
        return 0 unless defined $now && defined $before && $now eq $before;
        # Asked of the compiler, or read, without a trace in its list.
        return 0 if $now =~ /__has_include|\.incbin|^\s*"?\s*\.include|CONFIG_\s*##/m;
        return 0 if $options ne '' && $now =~ /\b(?:$options)\b/;
        return 0 if $asks && $old != $new && !same_answers( $now, $old, $new );
    }
    return 1;
}

# Notes what was taken: in `hits` what the neighbour had, in `again` what this build had itself.
sub note_taken {
    my ( $store, $entry ) = @_;
    my $name = $store eq $OBJECTS ? 'hits' : 'again';
    if ( open my $notes, '>>', "$KEPT/$name" ) { print {$notes} "$entry\n"; close $notes }
}

1;
