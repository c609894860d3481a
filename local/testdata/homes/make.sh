#!/bin/sh
# Makes the home that a version of authsome leaves behind, for the test that later versions open it:
#
#     ./make.sh /path/to/that/authsome schema-1
#
# Run it with a version that is about to be released, and never again for one that was.
set -eu
authsome=$1
cd "$(dirname "$0")"
mkdir "$2"
export AUTHSOME_HOME="$PWD/$2"
"$authsome" init --log-file ""
printf 'sk-fixture-%s' 0123456789abcdefghijklmnopqrstuvwxyz |
	"$authsome" login openai --with-token --log-file ""
printf 'ghp_%s' 0123456789abcdefghijklmnopqrstuvwxyz |
	"$authsome" login github --connection work --with-token --log-file "" || true
"$authsome" profile create team --log-file ""
printf 'sk-fixture-%s' team89abcdefghijklmnopqrstuvwxyz |
	"$authsome" login openai --profile team --with-token --log-file ""
"$authsome" list --json --log-file "" | grep -c '"connection"'
rm -rf "$AUTHSOME_HOME/run" "$AUTHSOME_HOME/vault.db-journal"
