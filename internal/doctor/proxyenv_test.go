package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestEnvironmentThatLeadsAroundTheBrokerFails(t *testing.T) {
	t.Parallel()
	const broker = "127.0.0.1:40123"
	good := []string{
		"AUTHSOME_BROKER=" + broker, "HTTPS_PROXY=http://run:hunter2@" + broker, "https_proxy=http://run:hunter2@" + broker,
		"NO_PROXY=localhost,127.0.0.1,::1", "no_proxy=localhost,127.0.0.1,::1",
		"NODE_OPTIONS=--max-old-space-size=99 --require=/h/run/child-1/node.cjs", "PYTHONPATH=/h/run/child-1/python:/mine",
		"JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=40123 -Dhttp.proxyPort=40123",
	}
	for _, test := range []struct {
		change string   // an entry, or the name of a variable to unset
		want   []string // empty: it does no harm
	}{
		{"FOO=bar", nil},
		{"https_proxy=" + broker, nil},
		{"NO_PROXY=", nil},
		{"NO_PROXY=LOCALHOST, .localhost 127.0.0.0/8,[::1],", nil},
		{"HTTPS_PROXY", []string{"HTTPS_PROXY is not set"}},
		{"https_proxy=", []string{"https_proxy is not set"}},
		{"HTTPS_PROXY=http://me:hunter2@proxy.corp.example:3128", []string{"HTTPS_PROXY does not lead to the broker at " + broker}},
		{"HTTPS_PROXY=http://127.0.0.1:40124", []string{"HTTPS_PROXY does not lead"}},
		{"HTTPS_PROXY=http://%zz:hunter2@x", []string{"HTTPS_PROXY does not lead"}},
		{"NODE_OPTIONS=--require=/h/run/proxy-default/node.cjs", nil},
		{"PYTHONPATH=/h/run/proxy-work-0a1b2c3d4e5f/python", nil},
		{"NODE_OPTIONS=--inspect", []string{"NODE_OPTIONS no longer loads"}},
		{"PYTHONPATH", []string{"PYTHONPATH no longer loads"}},
		{"JAVA_TOOL_OPTIONS=-Dhttps.proxyPort=3128", []string{"JAVA_TOOL_OPTIONS does not lead to the broker"}},
		{"NO_PROXY=*", []string{"NO_PROXY leads around the broker to *"}},
		{"no_proxy=localhost,api.github.com", []string{"no_proxy leads around the broker to api.github.com"}},
	} {
		t.Run(test.change, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && test.change == "HTTPS_PROXY" {
				t.Skip("https_proxy is the same variable there")
			}
			name, _, set := strings.Cut(test.change, "=")
			env := slices.DeleteFunc(slices.Clone(good), func(s string) bool { return strings.HasPrefix(s, name+"=") })
			if set {
				env = append(env, test.change)
			}
			c := (&examination{Config: Config{Environ: env}}).proxyEnvironment()
			if c.OK != (len(test.want) == 0) {
				t.Errorf("%+v", c)
			}
			mustContain(t, c.Detail, test.want...)
			if strings.Contains(fmt.Sprint(c), "hunter2") {
				t.Errorf("a password is shown: %+v", c)
			}
		})
	}
}

func TestProxyOutsideOfARunIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	cfg.Environ = []string{"HTTPS_PROXY=http://proxy.corp.example:3128", "NO_PROXY=*"}
	only(t, cfg)
}

func TestSettingsOfToolsThatWinOverTheEnvironmentFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, content string
		want          string // empty: it does no harm
	}{
		{".npmrc", "registry=https://registry.npmjs.org/\nhttps-proxy=http://me:hunter2@proxy.example\n", "npm: %s sets https-proxy"},
		{".npmrc", "noproxy = github.com\n", "npm: %s sets noproxy"},
		{".npmrc", "cafile=/etc/ca.pem\n# proxy=http://x\n; proxy=http://x\n", ""}, // npm_config_cafile wins
		{".curlrc", "proxy = \"http://me:hunter2@proxy.example\"\n", "curl: %s sets proxy"},
		{".curlrc", "--noproxy *\n", "curl: %s sets noproxy"},
		{".curlrc", "-x proxy.example:3128\n", "curl: %s sets x"},
		{".curlrc", "cacert=/etc/ca.pem\r\n", "curl: %s sets cacert"},
		{".curlrc", "silent\nproxy-header: a\n", ""},
		{".config/curlrc", "socks5-hostname 127.0.0.1:9050\n", "curl: %s sets socks5-hostname"},
		{".config/pip/pip.conf", "[global]\nproxy = http://proxy.example\n", "pip: %s sets proxy"},
		{".pip/pip.conf", "[install]\nproxy: http://proxy.example\n", "pip: %s sets proxy"},
		{".config/pip/pip.conf", "[global]\ncert = /etc/ca.pem\n", ""}, // PIP_CERT wins
		{".cargo/config.toml", "[http]\nproxy = \"proxy.example:3128\"\n", "cargo: %s sets proxy"},
		{".gradle/gradle.properties", "systemProp.https.proxyHost=proxy.example\n", "gradle: %s sets systemprop.https.proxyhost"},
		{".gradle/gradle.properties", "org.gradle.jvmargs=-Xmx1g\n", ""},
		{".cargo/config.toml", "[registries.mine]\nproxy = \"x\"\n", ""},
	} {
		t.Run(test.path+" "+test.content, func(t *testing.T) {
			t.Parallel()
			e := &examination{Config: Config{UserHome: t.TempDir()}}
			path := filepath.Join(e.UserHome, filepath.FromSlash(test.path))
			write(t, path, test.content)
			mustFindSetting(t, e.toolSettings(t.Context()), test.want, path)
		})
	}
}

func mustFindSetting(t *testing.T, c Check, want, path string) {
	t.Helper()
	if c.OK != (want == "") {
		t.Errorf("%+v", c)
	}
	if want != "" {
		mustContain(t, c.Detail, fmt.Sprintf(want, path))
	}
	if strings.Contains(fmt.Sprint(c), "hunter2") {
		t.Errorf("a password is shown: %+v", c)
	}
}

func TestFilesThatTheEnvironmentNamesAreRead(t *testing.T) {
	t.Parallel()
	for variable, name := range map[string]string{
		"npm_config_userconfig": "", "CURL_HOME": ".curlrc", "PIP_CONFIG_FILE": "", "CARGO_HOME": "config.toml",
		"XDG_CONFIG_HOME": "curlrc", "APPDATA": filepath.Join("pip", "pip.ini"),
	} {
		path := filepath.Join(t.TempDir(), name)
		value := strings.TrimSuffix(path, string(filepath.Separator)+name)
		if name == "" {
			path = filepath.Join(path, "file")
			value = path
		}
		write(t, path, "[http]\nproxy = x\n")
		e := &examination{Config: Config{UserHome: t.TempDir(), Environ: []string{variable + "=" + value}}}
		if c := e.toolSettings(t.Context()); c.OK {
			t.Errorf("%s: %+v", variable, c)
		}
	}
}

// Git is asked, because files can include one another.
func TestSettingsOfGitFailAndTheHintTakesThemBack(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("git is not installed")
		}
		t.Skip("git is not installed")
	}
	for _, test := range []struct{ content, want string }{
		{"[http]\n\tproxy = http://me:hunter2@proxy.example:3128\n", "git: %s sets http.proxy,"},
		{"[http]\n\tproxy =\n", "git: %s sets http.proxy,"}, // an empty one means none at all
		{"[http \"https://github.com\"]\n\tproxy = proxy.example\n", "git: %s sets http.https://github.com.proxy,"},
		{"[http]\n\tsslCAInfo = /etc/ca.pem\n\tproxyAuthMethod = basic\n", ""}, // GIT_SSL_CAINFO wins
		{"[user]\n\tname = proxy\n", ""},
	} {
		t.Run(test.content, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			included := filepath.Join(dir, "included")
			write(t, included, test.content)
			write(t, filepath.Join(dir, ".gitconfig"), "[include]\n\tpath = included\n")
			e := &examination{Config: Config{
				UserHome: dir, Environ: []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1"},
			}}
			c := e.toolSettings(t.Context())
			mustFindSetting(t, c, test.want, included)
			if test.want == "" {
				return
			}
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", c.Hint).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", c.Hint, err, out)
			}
			mustFindSetting(t, e.toolSettings(t.Context()), "", "")
		})
	}
}

func FuzzSettingsIn(f *testing.F) {
	f.Add([]byte("[http]\nproxy = x\n--noproxy *\n# a\n-x y"), "http")
	f.Fuzz(func(t *testing.T, content []byte, section string) {
		for _, name := range settingsIn(content, section) {
			if name == "" || strings.ContainsAny(name, "=: \t\n") {
				t.Errorf("%q is no name", name)
			}
		}
	})
}
