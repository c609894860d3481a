package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome"
)

func writeConfig(t *testing.T, doc string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whoever has written the file is told what is wrong in the words of the file.
func TestMistakesInTheConfigurationAreNamed(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		``:     "line 1: it ends too early",
		`[]`:   "line 1: the document must be an object, not an array",
		`null`: "the document must be an object, and is null",
		"{\n\"http_timeout_seconds\": \"ten\"\n}":             "line 2: http_timeout_seconds must be a whole number, not a string",
		"{\n\"agent\": {\n\"timeout_seconds\": 1.5}}":         "line 3: agent.timeout_seconds must be a whole number, not 1.5",
		"{\n\"notify\": {\"command\": \"notify-send\"}}":      "line 2: notify.command must be an array, not a string",
		"{\n\"notify\": {\"command\": [\"notify-send\", 1]}}": "line 2: notify.command[1] must be a string, not a number",
		"{\"resolve\": {\n\"api.acme.test:443\": 8443}}":      "line 2: resolve.api.acme.test:443 must be a string, not a number",
		"{\"default_profile\": \"work\"\n\"log_file\": \"\"}": `line 2: a comma or } belongs here, and there is '"'`,
		"{\n  // ours\n}":                                          "line 2: a name in double quotes belongs here, and there is '/'",
		`{"audit_required": "yes"}`:                                "line 1: audit_required must be true or false, not a string",
		`{"agent": {"lifetime_seconds": -1}}`:                      "agent.lifetime_seconds must be from 0 to 315360000, not -1",
		`{"http_timeout_seconds": 9223372036854775807}`:            "http_timeout_seconds must be from 0 to 315360000, not 9223372036854775807",
		`{"default_profile": "not a name"}`:                        "default_profile: ",
		`{"notify": {"command": [""]}}`:                            "notify.command must begin with a program",
		`{"notify": {"command": ["true"], "before": "soon"}}`:      `notify.before: "soon" is no duration; 7d and 12h are`,
		`{"notify": {"command": ["true"], "timeout_seconds": -3}}`: "notify.timeout_seconds must be from 0",
	} {
		path := writeConfig(t, doc)
		_, err := readConfig(path)
		e := authsome.AsError(err)
		switch {
		case e == nil:
			t.Errorf("%s: it is accepted", doc)
		case e.Kind != authsome.KindUsage || !strings.HasPrefix(e.Message, path+" cannot be used: "+want) || e.Hint == "":
			t.Errorf("%s:\ngot  %s (%s)\nwant %s", doc, e.Message, e.Kind, want)
		}
	}
}

func TestConfigurationIsRead(t *testing.T) {
	t.Parallel()
	c, err := readConfig(writeConfig(t, `{"default_profile": "work", "http_timeout_seconds": 7, "resolve": {"a:1": "b:2"}, "theirs": 1,
		"client_metadata_url": "https://acme.test/c", "agent": {"timeout_seconds": 9, "lifetime_seconds": 8, "confirm": true, "off": true},
		"log_file": "", "audit_required": true, "notify": {"command": ["a", "b"], "before": "3d", "timeout_seconds": 6}}`))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case c.DefaultProfile != "work", c.HTTPTimeout != 7, c.Resolve["a:1"] != "b:2", c.ClientMetadataURL != "https://acme.test/c",
		c.Agent != agentConfig{Timeout: 9, Lifetime: 8, Confirm: true, Off: true}, c.LogFile == nil || *c.LogFile != "", !c.AuditRequired,
		strings.Join(c.Notify.Command, " ") != "a b", c.Notify.Timeout != 6:
		t.Errorf("%+v", c)
	}
	if before, err := c.Notify.before(); err != nil || before.Hours() != 72 {
		t.Errorf("notify.before is %s, %v", before, err)
	}
}
