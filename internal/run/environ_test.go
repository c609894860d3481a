package run

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

func settings() Settings {
	return Settings{
		Proxy: "127.0.0.1:4711", User: "run", Password: authsome.NewSecret("p@ss"),
		Files: Paths{
			Bundle: "/r/bundle.pem", CA: "/r/ca.pem", WGETRC: "/r/wgetrc",
			Java: "/r/java.p12", Node: "/r/node.cjs", Python: "/r/python", PHP: "/r/php",
		},
		Placeholders: []string{"OPENAI_API_KEY", "GH_TOKEN", "GH_TOKEN", "", "A=B", "NUL\x00"},
		Withhold:     []string{"GITHUB_CLIENT_SECRET"},
	}
}

// managedGolden is the part that every child gets.
var managedGolden = `HTTPS_PROXY=http://run:p%40ss@127.0.0.1:4711
https_proxy=http://run:p%40ss@127.0.0.1:4711
HTTP_PROXY=http://run:p%40ss@127.0.0.1:4711
http_proxy=http://run:p%40ss@127.0.0.1:4711
ALL_PROXY=http://run:p%40ss@127.0.0.1:4711
all_proxy=http://run:p%40ss@127.0.0.1:4711
WSS_PROXY=http://run:p%40ss@127.0.0.1:4711
wss_proxy=http://run:p%40ss@127.0.0.1:4711
NO_PROXY=localhost,127.0.0.1,::1
no_proxy=localhost,127.0.0.1,::1
SSL_CERT_FILE=/r/bundle.pem
CURL_CA_BUNDLE=/r/bundle.pem
REQUESTS_CA_BUNDLE=/r/bundle.pem
GIT_SSL_CAINFO=/r/bundle.pem
PIP_CERT=/r/bundle.pem
AWS_CA_BUNDLE=/r/bundle.pem
npm_config_cafile=/r/bundle.pem
CARGO_HTTP_CAINFO=/r/bundle.pem
NIX_SSL_CERT_FILE=/r/bundle.pem
HTTPLIB2_CA_CERTS=/r/bundle.pem
GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=/r/bundle.pem
CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=/r/bundle.pem
PERL_LWP_SSL_CA_FILE=/r/bundle.pem
BUNDLE_SSL_CA_CERT=/r/bundle.pem
COMPOSER_CAFILE=/r/bundle.pem
HEX_CACERTS_PATH=/r/bundle.pem
NODE_EXTRA_CA_CERTS=/r/ca.pem
DENO_CERT=/r/ca.pem
NODE_USE_ENV_PROXY=1
PERL_LWP_ENV_PROXY=1
WGETRC=/r/wgetrc
JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4711 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=4711 -Dhttp.nonProxyHosts=localhost|127.*|[::1] -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword= -Djavax.net.ssl.trustStore=/r/java.p12
NODE_OPTIONS=--require=/r/node.cjs
PYTHONPATH=/r/python
PHP_INI_SCAN_DIR=` + string(os.PathListSeparator) + `/r/php
GH_TOKEN=authsome-proxy-managed
OPENAI_API_KEY=authsome-proxy-managed`

func TestEnvironOfAnEmptyParent(t *testing.T) {
	t.Parallel()
	got := environ(nil, settings(), false)
	if diff := cmp.Diff(strings.Split(managedGolden, "\n"), got); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironReplacesWhatIsInherited(t *testing.T) {
	t.Parallel()
	parent := []string{
		"PATH=/bin", "EMPTY=", "HTTPS_PROXY=http://corp", "https_proxy=http://corp", "Https_Proxy=http://corp",
		"NO_PROXY=*", "no_proxy=*", "SSL_CERT_FILE=/corp", "SSL_CERT_DIR=/corp", "CURL_CA_BUNDLE=/corp",
		"NPM_CONFIG_CAFILE=/corp", "npm_config_https_proxy=http://corp", "npm_config_noproxy=*", "FTP_PROXY=http://corp",
		"GH_TOKEN=real-1", "OPENAI_API_KEY=real-2", "GITHUB_CLIENT_SECRET=real-3", "GH_TOKEN=real-4",
		"AUTHSOME_MASTER_KEY=real-5", "AUTHSOME_TOKEN=real-6", "authsome_passphrase=real-7",
		"AUTHSOME_HOME=/home/a", "AUTHSOME_PROFILE=work", "WGETRC=/corp", "OTHER=a=b",
		"grpc_proxy=http://corp", "no_grpc_proxy=*", "CLOUDSDK_PROXY_ADDRESS=corp",
	}
	got := environ(parent, settings(), false)
	want := []string{"PATH=/bin", "EMPTY=", "AUTHSOME_HOME=/home/a", "AUTHSOME_PROFILE=work", "OTHER=a=b"}
	want = append(want, strings.Split(managedGolden, "\n")...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, entry := range got {
		if strings.Contains(entry, "real-") || strings.Contains(entry, "corp") {
			t.Errorf("inherited: %s", entry)
		}
	}
}

func TestEnvironAppendsToJavaOptions(t *testing.T) {
	t.Parallel()
	got := environ([]string{"JAVA_TOOL_OPTIONS=-Xmx1g"}, settings(), false)
	for _, entry := range got {
		if value, ok := strings.CutPrefix(entry, "JAVA_TOOL_OPTIONS="); ok {
			if !strings.HasPrefix(value, "-Xmx1g -Dhttps.proxyHost=127.0.0.1") || strings.Contains(value, "p@ss") {
				t.Error(entry)
			}
			return
		}
	}
	t.Error("it is not set")
}

func TestEnvironFoldsCaseOnWindows(t *testing.T) {
	t.Parallel()
	parent := []string{`=C:=C:\home`, `Path=C:\bin`, "Gh_Token=real", "github_client_secret=real", "java_tool_options=-Xmx1g"}
	got := environ(parent, settings(), true)
	seen := map[string]bool{}
	for _, entry := range got {
		name, value := split(entry)
		if k := strings.ToUpper(name); seen[k] {
			t.Errorf("%s is there twice", k)
		} else {
			seen[k] = true
		}
		if strings.Contains(value, "real") {
			t.Errorf("inherited: %s", entry)
		}
		if name == "JAVA_TOOL_OPTIONS" && !strings.HasPrefix(value, "-Xmx1g ") {
			t.Errorf("options lost: %s", entry)
		}
	}
	if path := lookup(parent, "PATH", spelling(true)); path != `C:\bin` {
		t.Errorf("the path is %q", path)
	}
	if got[0] != `=C:=C:\home` || !seen["PATH"] || !seen["HTTPS_PROXY"] || !seen["NPM_CONFIG_CAFILE"] {
		t.Errorf("got %q", got)
	}
}

func TestProxyWithoutPassword(t *testing.T) {
	t.Parallel()
	if got := environ(nil, Settings{Proxy: "[::1]:1"}, false)[0]; got != "HTTPS_PROXY=http://[::1]:1" {
		t.Error(got)
	}
}

func FuzzEnviron(f *testing.F) {
	f.Add("GH_TOKEN=a\nA\n=x\n\nOPENAI_API_KEY", true)
	f.Fuzz(func(t *testing.T, parent string, fold bool) {
		got := environ(strings.Split(parent, "\n"), settings(), fold)
		proxies := 0
		for _, entry := range got {
			name, value := split(entry)
			if strings.EqualFold(name, "https_proxy") {
				proxies++
			}
			if name == "GH_TOKEN" && value != authsome.Placeholder {
				t.Errorf("inherited: %q", entry)
			}
		}
		if want := map[bool]int{true: 1, false: 2}[fold]; proxies != want {
			t.Errorf("%d proxies", proxies)
		}
	})
}
