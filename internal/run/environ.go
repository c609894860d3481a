package run

import (
	"net/url"
	"runtime"
	"slices"
	"strings"

	"authsome"
)

// Settings says what the child's environment differs in from its parent's.
type Settings struct {
	Proxy    string          // host:port of the proxy
	User     string          // what the proxy demands of its clients, RFC 9110 section 11.7.2
	Password authsome.Secret `json:"-"` // for User
	Files    Paths
	// Placeholders names the variables that get [authsome.Placeholder]: every export.env of the connected providers. What they
	// held is a credential that the child must not see.
	Placeholders []string
	// Plain are variables that are no secret and belong to a connection, such as a user name.
	Plain []Variable
	// Withhold names further variables that the child must not see: those that API keys, client identifiers and
	// client secrets are read from.
	Withhold []string
}

// Paths names the files that a child is pointed to.
type Paths struct {
	Bundle string // the system's certificate authorities and the run's own, PEM
	CA     string // the run's own certificate authority alone, PEM
	WGETRC string // the configuration of wget
	Java   string // the certificates of Bundle, PKCS #12; empty if there is no use for it
	Node   string // what Node.js loads at its start
	Python string // the directory of what Python loads at its start
	PHP    string // the directory of settings for PHP
}

// Variable is one name and value of an environment.
type Variable struct{ Name, Value string }

// Environ returns the environment of the child: the parent's, without what would lead around the proxy, what is secret
// and what is set anew. It changes nothing and depends on its arguments only, but for names being the same in either
// case on Windows.
//
// Of authsome's own variables only AUTHSOME_HOME and AUTHSOME_PROFILE are passed on.
//
// Java ignores HTTPS_PROXY, so JAVA_TOOL_OPTIONS names the proxy to it, and NODE_OPTIONS and PYTHONPATH load what leads
// libraries to the proxy that do not look for one. All three add to what the parent has.
func Environ(parent []string, s Settings) []string {
	return environ(parent, s, foldsCase)
}

// foldsCase says that two names which differ in case are those of one variable, which may be spelled either way.
const foldsCase = runtime.GOOS == "windows"

// spelling returns what makes names of one variable equal.
func spelling(foldCase bool) func(name string) string {
	if foldCase {
		return strings.ToUpper
	}
	return func(name string) string { return name }
}

func environ(parent []string, s Settings, foldCase bool) []string {
	key := spelling(foldCase)
	set := slices.Concat(managed(parent, s, key), s.Plain, placeholders(s.Placeholders))
	done := make(map[string]bool) // names that are set, or were
	var added []string
	for _, v := range set {
		if k := key(v.Name); !done[k] {
			done[k] = true
			added = append(added, v.Name+"="+v.Value)
		}
	}
	for _, name := range s.Withhold {
		done[key(name)] = true
	}
	var env []string
	for _, entry := range parent {
		name, _ := split(entry)
		if !done[key(name)] && !withheld(name) {
			env = append(env, entry)
		}
	}
	return append(env, added...)
}

// split takes an entry apart. Windows has names that begin with '='.
func split(entry string) (name, value string) {
	if entry == "" {
		return "", ""
	}
	i := strings.IndexByte(entry[1:], '=')
	if i < 0 {
		return entry, ""
	}
	return entry[:i+1], entry[i+2:]
}

// managed lists the variables by which programs find the proxy and the certificate authority.
func managed(parent []string, s Settings, key func(string) string) []Variable {
	var set []Variable
	all := func(value string, names ...string) {
		for _, name := range names {
			set = append(set, Variable{name, value})
		}
	}
	all(proxyURL(s), "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
		"WSS_PROXY", "wss_proxy") // by the scheme of a URL, as aiohttp looks for it
	all("localhost,127.0.0.1,::1", "NO_PROXY", "no_proxy")
	// These replace a program's certificate authorities, hence all of them in one file.
	all(s.Files.Bundle, "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT",
		"AWS_CA_BUNDLE", "npm_config_cafile", "CARGO_HTTP_CAINFO", "NIX_SSL_CERT_FILE", "HTTPLIB2_CA_CERTS",
		"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "PERL_LWP_SSL_CA_FILE",
		"BUNDLE_SSL_CA_CERT", "COMPOSER_CAFILE", "HEX_CACERTS_PATH")
	// These add to them.
	all(s.Files.CA, "NODE_EXTRA_CA_CERTS", "DENO_CERT")
	all("1", "NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY")
	all(s.Files.WGETRC, wgetVariable)
	// These add to what the parent has.
	inherited := func(name string) string { return lookup(parent, name, key) }
	all(javaOptions(inherited(javaVariable), s.Proxy, s.Files.Java), javaVariable)
	all(nodeOptions(inherited(nodeVariable), s.Files.Node), nodeVariable)
	all(pythonPath(inherited(pythonVariable), s.Files.Python), pythonVariable)
	all(phpScan(inherited(phpVariable), s.Files.PHP), phpVariable)
	return set
}

const wgetVariable = "WGETRC"

func proxyURL(s Settings) string {
	u := url.URL{Scheme: "http", Host: s.Proxy}
	if s.User != "" {
		u.User = url.UserPassword(s.User, s.Password.Reveal())
	}
	return u.String()
}

// valueOf returns the value of a variable as programs on this system find it.
func valueOf(env []string, name string) string { return lookup(env, name, spelling(foldsCase)) }

// lookup returns the value of a variable, of the last one if there are several, as a child would see it.
func lookup(env []string, want string, key func(string) string) string {
	for _, entry := range slices.Backward(env) {
		if name, value := split(entry); key(name) == key(want) {
			return value
		}
	}
	return ""
}

// placeholders skips names that cannot be in an environment.
func placeholders(names []string) []Variable {
	names = slices.Clone(names)
	slices.Sort(names)
	var set []Variable
	for _, name := range names {
		if name != "" && !strings.ContainsAny(name, "=\x00") {
			set = append(set, Variable{name, authsome.Placeholder})
		}
	}
	return set
}

// withheld reports whether a variable is never inherited: authsome's own, which may be secret, and other spellings of
// what is set, which some programs prefer.
func withheld(name string) bool {
	upper := strings.ToUpper(name)
	if strings.HasPrefix(upper, "AUTHSOME_") {
		return upper != "AUTHSOME_HOME" && upper != "AUTHSOME_PROFILE"
	}
	switch upper {
	case "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", // in mixed case
		"FTP_PROXY", "WS_PROXY", "WSS_PROXY", "GRPC_PROXY", "NO_GRPC_PROXY", "RSYNC_PROXY",
		"SSL_CERT_DIR", "GIT_SSL_CAPATH", "GIT_PROXY_SSL_CAINFO", "PIP_PROXY", "CARGO_HTTP_PROXY",
		"NPM_CONFIG_CAFILE", "NPM_CONFIG_CA", "NPM_CONFIG_PROXY", "NPM_CONFIG_HTTP_PROXY", "NPM_CONFIG_HTTPS_PROXY",
		"NPM_CONFIG_NOPROXY", "CGI_HTTP_PROXY", "CLOUDSDK_PROXY_TYPE", "CLOUDSDK_PROXY_ADDRESS", "CLOUDSDK_PROXY_PORT",
		"CLOUDSDK_PROXY_USERNAME", "CLOUDSDK_PROXY_PASSWORD", "HEX_HTTP_PROXY", "HEX_HTTPS_PROXY", "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY", "YARN_CA_FILE_PATH":
		return true
	}
	return false
}
