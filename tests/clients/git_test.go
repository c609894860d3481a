package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// forge is a service whose repositories take another rendering of the credential than its API.
type forge struct{ host, provider, user, path string }

var forges = []forge{
	{"github.com", "github-key", "x-access-token", "owner/project"},
	{"gitlab.com", "gitlab", "oauth2", "group/subgroup/project"},
	{"bitbucket.org", "bitbucket", "x-token-auth", "workspace/project"},
}

// forgeOf returns what stands under a name, if it is a forge.
func forgeOf(host string) (forge, bool) {
	for _, f := range forges {
		if f.host == host {
			return f, true
		}
	}
	return forge{}, false
}

// TestGitAtForges clones, fetches and pushes with Git at Git's own server under the names of services. Nobody is asked for a
// password, and nothing goes out without the credential.
func TestGitAtForges(t *testing.T) {
	t.Parallel()
	git := need(t, "git")
	w := newWorld(t)
	for _, f := range forges {
		t.Run(f.provider, func(t *testing.T) {
			t.Parallel()
			o := w.serve(t)
			o.repository(t, git, f.path+".git")
			asked := filepath.Join(t.TempDir(), "asked")
			ask := filepath.Join(t.TempDir(), "ask")
			write(t, ask, "#!/bin/sh\necho \"$1\" >> '"+asked+"'\nexit 1\n")
			if err := os.Chmod(ask, 0o700); err != nil {
				t.Fatal(err)
			}
			got := w.start(t, o, []string{
				"GIT_ASKPASS=" + ask, "ADDRESS=https://" + f.host + "/" + f.path + ".git", "GIT_AUTHOR_NAME=me", "GIT_AUTHOR_EMAIL=me@clients.test",
				"GIT_COMMITTER_NAME=me", "GIT_COMMITTER_EMAIL=me@clients.test",
			}, "sh", "-ec", `
				git clone -q "$ADDRESS" one
				git clone -q "$ADDRESS" two
				cd one
				git log --format=%s
				head -c 3000000 /dev/urandom > large # more than is sent in one piece
				git add large
				git commit -q -m 'from one'
				git push -q origin HEAD:pushed
				cd ../two
				git fetch -q origin
				git log --format=%s origin/pushed
				git merge-base --is-ancestor HEAD origin/pushed`)
			if got.Code != 0 || strings.Count(got.Stdout, o.nonce) != 2 || !strings.Contains(got.Stdout, "from one") {
				t.Errorf("it does not come through\n%s", got)
			}
			if content, err := os.ReadFile(asked); err == nil {
				t.Errorf("somebody was asked: %s", content)
			}
			if len(got.problems) > 0 || got.requests < 8 {
				t.Errorf("of %d requests came without the credential: %q", got.requests, got.problems)
			}
		})
	}
}

// repository makes a repository that Git serves, with the word for the subject of its only commit.
func (o *origin) repository(t *testing.T, git, path string) {
	t.Helper()
	o.repositories = t.TempDir()
	bare, work := filepath.Join(o.repositories, path), filepath.Join(t.TempDir(), "work")
	for _, args := range [][]string{
		{"init", "-q", "--bare", bare},
		{"-C", bare, "config", "http.receivepack", "true"},
		{"init", "-q", work},
		{"-C", work, "-c", "user.name=me", "-c", "user.email=me@clients.test", "commit", "-q", "--allow-empty", "-m", o.nonce},
		{"-C", work, "push", "-q", bare, "HEAD:master"},
		{"-C", bare, "symbolic-ref", "HEAD", "refs/heads/master"},
	} {
		if out, err := exec.Command(git, args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
}
