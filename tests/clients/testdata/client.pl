# Usage: client.pl WAY URL. Each way is one client; all print the body of the answer.
use strict;
use warnings;

my ($way, $url) = @ARGV;
my $key = "Bearer $ENV{CLIENTS_API_KEY}";
if ($way eq 'tiny') {
    require HTTP::Tiny;
    my $answer = HTTP::Tiny->new(verify_SSL => 1)->get($url, { headers => { Authorization => $key } });
    die $answer->{content} unless $answer->{success};
    print $answer->{content};
} else {
    require LWP::UserAgent;
    my $answer = LWP::UserAgent->new->get($url, Authorization => $key);
    die $answer->as_string unless $answer->is_success;
    print $answer->decoded_content;
}
