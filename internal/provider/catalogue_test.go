package provider

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"authsome"
)

func write(t *testing.T, dir, file, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLookupPrefersTheUsersOwnDefinition(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "openai.json", `{"name": "openai", "display_name": "Mine", "auth_type": "api_key", "flow": "api_key"} // mine`)
	c := Open(dir)
	p, err := c.Lookup("openai")
	if err != nil || p.DisplayName != "Mine" || p.Source != authsome.SourceCustom {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err = c.Lookup("github"); err != nil || p.Source != authsome.SourceBundled {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestLookupSuggestsWhatWasMeant(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "acme-crm.json", "{}")
	c := Open(dir)
	for name, want := range map[authsome.ProviderName]string{
		"githb": "github", "GitHub": "github", "gitlabb": "gitlab", "acme": "acme-crm", "google-drive": "google", "anthropics": "anthropic",
	} {
		_, err := c.Lookup(name)
		if authsome.KindOf(err) != authsome.KindProviderNotFound || !strings.Contains(err.Error(), "did you mean "+want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, name := range []authsome.ProviderName{"nothing-like-it", "", "../github", "github.json", authsome.ProviderName(strings.Repeat("x", 500))} {
		_, err := c.Lookup(name)
		if authsome.KindOf(err) != authsome.KindProviderNotFound {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBrokenDefinitionIsNamedAndHidesNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "syntax.json", "{")
	write(t, dir, "renamed.json", keyDocument)
	write(t, dir, "acme.json", keyDocument)
	write(t, dir, "slack.json", `{"name": "slack"}`)
	write(t, dir, ".hidden.json", "{")
	write(t, dir, "notes.txt", "")
	if err := os.Mkdir(filepath.Join(dir, "directory.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := Open(dir)
	all, broken, err := c.All()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range broken {
		names = append(names, string(b.Name))
		if b.Err == nil || filepath.Dir(b.Path) != dir {
			t.Errorf("got %+v", b)
		}
	}
	if want := []string{"renamed", "slack", "syntax"}; !slices.Equal(names, want) {
		t.Errorf("broken: got %v, want %v", names, want)
	}
	if len(all) != len(bundledNames())-1+1 { // without slack, with acme
		t.Errorf("got %d definitions", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b authsome.Provider) int { return strings.Compare(string(a.Name), string(b.Name)) }) {
		t.Error("the definitions are not in order")
	}
	// The bundled slack must not stand in: its endpoints are not the ones that the user chose.
	_, err = c.Lookup("slack")
	if invalid, ok := errors.AsType[*ValidationError](err); !ok || authsome.KindOf(err) != authsome.KindProviderNotFound {
		t.Errorf("got %v (%v)", err, invalid)
	}
}

func TestSummariesSayWhatAllSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "acme.json", keyDocument)
	write(t, dir, "slack.json", `{"name": "slack"}`)
	c := Open(dir)
	all, _, err := c.All()
	if err != nil {
		t.Fatal(err)
	}
	summaries, broken, err := c.Summaries()
	if err != nil || len(broken) != 1 || broken[0].Name != "slack" {
		t.Fatalf("broken: %v, %v", broken, err)
	}
	if len(all) != len(summaries) {
		t.Fatalf("got %d summaries of %d definitions", len(summaries), len(all))
	}
	for i, p := range all {
		if s := summaries[i]; indexLine(&s.Provider) != indexLine(&p) || s.Source != p.Source {
			t.Errorf("got %+v, want %+v", s, p)
		}
	}
}

func TestCatalogueNeedsNoDirectory(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "absent")} {
		if all, broken, err := Open(dir).All(); err != nil || len(broken) > 0 || len(all) == 0 {
			t.Errorf("got %d definitions, %v, %v", len(all), broken, err)
		}
	}
}

func TestRegisterKeepsTheBytesOfTheDocument(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "home", "providers")
	c := Open(dir)
	doc := readDocuments(t, "testdata/*.jsonc")["commented.jsonc"]
	p, err := c.Register(doc, false)
	if err != nil || p.Source != authsome.SourceCustom {
		t.Fatalf("got %+v, %v", p, err)
	}
	path := filepath.Join(dir, "acme-all.json")
	stored, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(stored, doc) {
		t.Errorf("stored: %v\n%s", err, stored)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRegisterReplacesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	c := Open(t.TempDir())
	if _, err := c.Register([]byte(keyDocument), false); err != nil {
		t.Fatal(err)
	}
	mine := with(t, keyDocument, "name", `"github"`)
	for _, doc := range [][]byte{[]byte(keyDocument), mine} {
		if _, err := c.Register(doc, false); authsome.KindOf(err) != authsome.KindUsage {
			t.Errorf("got %v", err)
		}
		if _, err := c.Register(doc, true); err != nil {
			t.Error(err)
		}
	}
	if p, err := c.Lookup("github"); err != nil || p.Source != authsome.SourceCustom {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestRegisterWritesNothingInvalid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(dir).Register([]byte(`{"name": "acme"}`), true); err == nil {
		t.Error("an invalid definition is accepted")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUnregisterBringsTheBundledDefinitionBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := Open(dir)
	write(t, dir, "slack.json", "broken")
	if found, err := c.Unregister("slack"); err != nil || !found {
		t.Errorf("got %v, %v", found, err)
	}
	if p, err := c.Lookup("slack"); err != nil || p.Source != authsome.SourceBundled {
		t.Errorf("got %+v, %v", p, err)
	}
	if found, err := c.Unregister("slack"); err != nil || found {
		t.Errorf("got %v, %v", found, err)
	}
	if _, err := c.Unregister("../x"); err == nil {
		t.Error("a name with a separator is accepted")
	}
}

func BenchmarkLookup(b *testing.B) {
	c := Open(b.TempDir())
	for b.Loop() {
		if _, err := c.Lookup("github"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	c := Open(b.TempDir())
	for b.Loop() {
		if _, _, err := c.All(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummaries(b *testing.B) {
	c := Open(b.TempDir())
	for b.Loop() {
		if _, _, err := c.Summaries(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	doc, err := os.ReadFile("testdata/commented.jsonc")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
