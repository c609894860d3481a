package doctor

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"authsome/internal/shell"
)

// settingsFile is a file in which a program is told of a proxy, and the settings in it that win over the environment
// of "authsome run". Settings that lose, such as http.sslCAInfo of git, do no harm.
type settingsFile struct {
	tool    string
	path    string
	section string // the settings count below this heading only; anywhere if empty
	names   []string
}

// finding is a setting that wins. Its value is not kept: proxies have passwords.
type finding struct {
	tool, path, name string
}

// toolSettings looks for settings of other programs that would lead them around the broker, or keep them from trusting
// it.
func (e *examination) toolSettings(ctx context.Context) Check {
	const name = "tool_settings"
	found := e.gitSettings(ctx)
	for _, file := range e.settingsFiles() {
		content, err := os.ReadFile(file.path)
		if err != nil {
			continue // most people have few of them
		}
		for _, setting := range settingsIn(content, file.section) {
			if slices.Contains(file.names, setting) {
				found = append(found, finding{file.tool, file.path, setting})
			}
		}
	}
	if len(found) == 0 {
		return passed(name, "git, npm, curl, pip, cargo and gradle follow the environment")
	}
	lines := make([]string, len(found))
	for i, f := range found {
		lines[i] = fmt.Sprintf("%s: %s sets %s, which wins over the environment of authsome run", f.tool, f.path, f.name)
	}
	return failed(name, strings.Join(lines, "\n"), hintFor(found[0]))
}

// hintFor says how to take a setting back.
func hintFor(f finding) string {
	if f.tool == "git" && filepath.IsAbs(f.path) {
		return fmt.Sprintf("git config --file %s --unset-all %s", shell.Word(f.path), shell.Word(f.name))
	}
	return fmt.Sprintf("take %s out of %s, and set HTTPS_PROXY where you need a proxy without authsome", f.name, f.path)
}

func (e *examination) settingsFiles() []settingsFile {
	configHome := cmp.Or(e.getenv("XDG_CONFIG_HOME"), e.inUserHome(".config"))
	npm := []string{"proxy", "http-proxy", "https-proxy", "noproxy"}
	curl := []string{
		"proxy", "x", "noproxy", "preproxy", "socks4", "socks4a", "socks5", "socks5-hostname", "cacert",
	}
	pip := []string{"proxy"}
	cargo := []string{"proxy"}
	gradle := []string{
		"systemprop.http.proxyhost", "systemprop.https.proxyhost", "systemprop.http.nonproxyhosts",
		"systemprop.javax.net.ssl.truststore",
	}
	files := []settingsFile{
		{"npm", cmp.Or(e.getenv("npm_config_userconfig"), e.inUserHome(".npmrc")), "", npm},
		{"curl", e.inUserHome(".curlrc"), "", curl},
		{"curl", filepath.Join(configHome, "curlrc"), "", curl},
		{"pip", filepath.Join(configHome, "pip", "pip.conf"), "", pip},
		{"pip", e.inUserHome(".pip", "pip.conf"), "", pip},
		{"pip", e.inUserHome("Library", "Application Support", "pip", "pip.conf"), "", pip},
		{"cargo", filepath.Join(cmp.Or(e.getenv("CARGO_HOME"), e.inUserHome(".cargo")), "config.toml"), "http", cargo},
		{"gradle", filepath.Join(cmp.Or(e.getenv("GRADLE_USER_HOME"), e.inUserHome(".gradle")), "gradle.properties"), "", gradle},
	}
	if dir := e.getenv("CURL_HOME"); dir != "" {
		files = append(files, settingsFile{"curl", filepath.Join(dir, ".curlrc"), "", curl})
	}
	if dir := e.getenv("APPDATA"); dir != "" {
		files = append(files, settingsFile{"pip", filepath.Join(dir, "pip", "pip.ini"), "", pip})
	}
	if path := e.getenv("PIP_CONFIG_FILE"); path != "" {
		files = append(files, settingsFile{"pip", path, "", pip})
	}
	return files
}

// settingsIn lists the names that a file of lines sets: "name = value", "name: value", "--name value", "-x value" or
// "name" alone, below [headings]. That is the common part of what INI, TOML and curl's files look like.
func settingsIn(content []byte, section string) (names []string) {
	within := section == ""
	for line := range bytes.Lines(content) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if text[0] == '[' {
			heading, _, _ := strings.Cut(text[1:], "]")
			within = section == "" || strings.TrimSpace(heading) == section
			continue
		}
		text = strings.TrimLeft(text, "-")
		if i := strings.IndexAny(text, "=: \t"); i >= 0 {
			text = text[:i]
		}
		if within && text != "" {
			names = append(names, strings.ToLower(text))
		}
	}
	return names
}

// gitSettings asks git, which knows about included files, for the person's and the system's settings.
func (e *examination) gitSettings(ctx context.Context) (found []finding) {
	// It ends with status 1 when there is no such setting.
	out, err := e.output(ctx, "git", "config", "--null", "--show-origin", "--get-regexp", `^http\.(.*\.)?proxy$`)
	if err != nil {
		return nil
	}
	fields := strings.Split(string(out), "\x00") // origin, name and value by turns
	for i := 0; i+1 < len(fields); i += 2 {
		name, _, _ := strings.Cut(fields[i+1], "\n")
		found = append(found, finding{"git", strings.TrimPrefix(fields[i], "file:"), name})
	}
	return found
}

func (e *examination) inUserHome(names ...string) string {
	return filepath.Join(append([]string{e.UserHome}, names...)...)
}
