package clients_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const url = "https://api.clients.test/hello"

// client is one row of the table in docs/clients.md: a way of making requests.
type client struct {
	name    string
	command func(t *testing.T, o *origin) []string
	env     []string
	want    []string // what it prints besides the server's word
	direct  bool     // it goes around the proxy, and gets nowhere
	noise   []string // what it may say on stderr; anything if nil
}

// command starts a program with arguments, which may be found in other places than PATH.
func command(name string, args ...string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string { return append([]string{need(t, name)}, args...) }
}

// python prefers the system's, which the packages are installed for.
func python(t *testing.T) string { return need(t, "python3", "/usr/bin/python3") }

// pythonWay starts one of the functions of client.py, which wants a package, if it does, that Debian names like its module.
func pythonWay(way, module string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string {
		interpreter := python(t)
		if out, err := exec.Command(interpreter, "-c", "import "+module).CombinedOutput(); err != nil {
			missing(t, fmt.Sprintf("python3-%s: %s", module, out))
		}
		return []string{interpreter, testdata(t, "client.py"), way, address(way)}
	}
}

// address is where the server has what a way of a client is for.
func address(way string) string {
	switch {
	case strings.Contains(way, "upload"):
		return "https://api.clients.test/echo"
	case strings.Contains(way, "sse"):
		return "https://api.clients.test/events"
	case way == "ws" || way == "websocket":
		return "https://api.clients.test/socket"
	case strings.HasPrefix(way, "plain"):
		return "http://plain.clients.test/"
	}
	return url
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func module(name string) string { return filepath.Join("testdata", "node_modules", name) }

// nodeWay starts one of the ways of node.mjs, by way of another command if there is one.
func nodeWay(node, way string, before ...string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string {
		version, _ := strings.CutPrefix(node, "Node.js ")
		return append(before, need(t, module("node"+version+"/bin/node")), testdata(t, "node.mjs"), way, address(way))
	}
}

// nodeWays are the ways of node.mjs, and what they are called in the table.
var nodeWays = [][2]string{
	{"fetch", "`fetch`"},
	{"https", "`node:https`"},
	{"agent", "`node:https` with an agent of one's own"},
	{"syncagent", "an agent that makes its own connections"},
	{"http2", "`node:http2`"},
	{"sse", "server-sent events"},
	{"upload", "a stream up and down"},
	{"https_upload", "`Expect: 100-continue`"},
	{"worker", "worker threads"},
	{"child", "child processes"},
	{"local", "servers on this machine, left alone"},
	{"failure", "failures and time-outs, reported as ever"},
	{"plain_fetch", "`fetch` of `http:`, without a credential"},
	{"plain_http", "`node:http`, without a credential"},
	{"websocket", "`WebSocket`"},
	{"ws", "ws"},
	{"undici", "undici"},
	{"got", "got"},
	{"node_fetch", "node-fetch"},
	{"axios", "axios"},
	{"openai", "openai"},
	{"anthropic", "@anthropic-ai/sdk"},
	{"octokit", "@octokit/rest"},
}

var nodeVersions = []string{"Node.js 20", "Node.js 22", "Node.js 24"}

func clients() []client {
	all := []client{
		{name: "curl", command: command("curl", "-sS", "-w", "HTTP/%{http_version}", url), want: []string{"HTTP/2"}},
		{name: "wget", command: command("wget", "-q", "-O", "-", url)},
		{name: "git", command: gitClone},
		{name: "gh", command: command("gh", "api", "user")},
		{name: "Go net/http", command: goClient, env: []string{envURL + "=" + url}, want: []string{"HTTP/2.0"}},
		{name: "Python requests", command: pythonWay("requests", "requests")},
		{name: "Python requests, events", command: pythonWay("sse", "requests"), want: []string{"data: 3"}},
		{name: "Python httpx", command: pythonWay("httpx", "httpx")},
		{name: "Python urllib", command: pythonWay("urllib", "urllib")},
		{name: "Python urllib3", command: pythonWay("urllib3", "urllib3")},
		{name: "Python aiohttp", command: pythonWay("aiohttp", "aiohttp")},
		{name: "Python aiohttp, WebSocket", command: pythonWay("aiohttp_socket", "aiohttp"), want: []string{"hello"}},
		{name: "pip", command: pip},
		{name: "Java HttpClient", command: java("httpclient"), want: []string{"HTTP_2"}},
		{name: "Java URL", command: java("url")},
		{name: "Perl HTTP::Tiny", command: perl("tiny")},
		{name: "Perl LWP", command: perl("lwp")},
		{name: "Ruby net/http", command: script("ruby", "client.rb")},
		{name: "PHP curl", command: script("php", "client.php")},
		{name: "cargo", command: cargo},
		{name: "npm", command: npm, env: []string{"npm_config_loglevel=error"}},
		{name: "Python http.client, and other bare sockets", command: pythonWay("http_client", "http"), direct: true},
		{name: "Python with -I or -E: urllib3, aiohttp", command: isolated, direct: true},
		{name: "Node.js 20 without NODE_OPTIONS", command: nodeWay("Node.js 20", "fetch", "env", "-u", "NODE_OPTIONS"), direct: true},
		{name: "curl, 100-continue", command: curlUpload, want: []string{"HTTP/1.1 100 Continue"}},
		{name: "Bun fetch", command: bunOrDeno("bun", "run")},
		{name: "Deno fetch", command: bunOrDeno("deno", "run", "--allow-all", "--node-modules-dir=none")},
	}
	for _, node := range nodeVersions {
		for _, way := range nodeWays {
			if node == "Node.js 20" && way[0] == "websocket" {
				continue // there is none
			}
			all = append(all, nodeClient(node, way[0], way[1]))
		}
	}
	return all
}

func nodeClient(node, way, label string) client {
	c := client{name: node + ": " + label, command: nodeWay(node, way), noise: []string{}}
	switch way {
	case "upload", "https_upload":
		c.want = []string{fmt.Sprint(64 * 64 << 10)}
	case "sse":
		c.want = []string{"data: 3"}
	case "failure":
		c.want = []string{"fetch: TypeError, https: Error, abort: TimeoutError"}
	case "local":
		c.want = []string{"local local"}
	case "worker":
		c.noise = nil // Node.js 22 warns in workers of what we have asked for, and cannot be kept from it
	}
	return c
}

func isolated(t *testing.T, o *origin) []string {
	command := pythonWay("aiohttp", "aiohttp")(t, o)
	return slices.Insert(command, 1, "-I")
}

func curlUpload(t *testing.T, o *origin) []string {
	file := filepath.Join(t.TempDir(), "large")
	write(t, file, o.nonce+strings.Repeat("x", 3<<20))
	return []string{
		need(t, "curl"), "-sS", "-i", "--http1.1", "-H", "Expect: 100-continue", "--data-binary", "@" + file,
		"https://api.clients.test/echo",
	}
}

func goClient(t *testing.T, _ *origin) []string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self}
}

func script(interpreter, file string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string { return []string{need(t, interpreter), testdata(t, file), url} }
}

func perl(way string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string {
		interpreter := need(t, "perl", "/usr/bin/perl")
		for _, m := range map[string][]string{"tiny": {"IO::Socket::SSL"}, "lwp": {"LWP::Protocol::https"}}[way] {
			if exec.Command(interpreter, "-M"+m, "-e", "1").Run() != nil {
				missing(t, m)
			}
		}
		return []string{interpreter, testdata(t, "client.pl"), way, url}
	}
}

func java(way string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string {
		need(t, "javac")
		return []string{need(t, "java"), testdata(t, "Client.java"), way, url}
	}
}

func pip(t *testing.T, _ *origin) []string {
	interpreter := python(t)
	if exec.Command(interpreter, "-m", "pip", "--version").Run() != nil {
		missing(t, "python3-pip")
	}
	return []string{"sh", "-c", interpreter + ` -m pip download -q --disable-pip-version-check --no-cache-dir --no-deps \
		--index-url https://basic.clients.test/simple demo && ` + interpreter + ` -m zipfile -e demo-1.0-py3-none-any.whl . &&
		cat demo-1.0.dist-info/METADATA`}
}

func npm(t *testing.T, _ *origin) []string {
	need(t, "npm")
	return []string{"sh", "-c", "npm install --no-audit --no-fund demo >&2 && cat node_modules/demo/package.json"}
}

func cargo(t *testing.T, _ *origin) []string {
	need(t, "cargo")
	return []string{"sh", "-c", `mkdir -p src && touch src/lib.rs && cat > Cargo.toml <<'END' &&
[package]
name = "user"
version = "1.0.0"
edition = "2021"
[dependencies]
demo = { version = "1", registry = "clients" }
END
		export CARGO_REGISTRIES_CLIENTS_INDEX=sparse+https://api.clients.test/index/ &&
		cargo fetch -q >&2 && cat cargo/registry/src/*/demo-1.0.0/Cargo.toml`}
}

func bunOrDeno(name string, args ...string) func(*testing.T, *origin) []string {
	return func(t *testing.T, _ *origin) []string {
		program := need(t, module(".bin/"+name))
		return slices.Concat([]string{program}, args, []string{testdata(t, "node.mjs"), "fetch", url})
	}
}

// gitClone makes a repository that Git serves, and clones it.
func gitClone(t *testing.T, o *origin) []string {
	program := need(t, "git")
	o.repository(t, program, "repository.git")
	return []string{"sh", "-c", `git clone -q https://basic.clients.test/repository.git clone && cd clone &&
		git log --format=%s && git push -q origin HEAD:pushed`}
}

// missing skips a test for want of something, or fails it where everything has to be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("not installed: %s", what)
	}
	t.Skipf("not installed: %s", what)
}

func TestClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := w.serve(t)
			got := w.start(t, o, c.env, c.command(t, o)...)
			c.check(t, o, got)
		})
	}
}

// A program that has not been started with the run's password is nobody to the proxy, though it knows the port: this one
// has given its environment away.
func TestProxyDoesNotKnowAStranger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.serve(t)
	program := need(t, "java")
	got := w.start(t, o, nil, "env", "-u", "HTTPS_PROXY", "-u", "https_proxy", program, testdata(t, "Client.java"), "url", url)
	if got.Code == 0 || got.requests > 0 || !strings.Contains(got.Stderr, "407") {
		t.Errorf("it got in\n%s", got)
	}
}

func (c client) check(t *testing.T, o *origin, got outcome) {
	t.Helper()
	if c.direct {
		if got.Code == 0 || got.requests > 0 {
			t.Errorf("it was to go direct, and to fail; the server has heard of it %d times\n%s", got.requests, got)
		}
		return
	}
	if got.Code != 0 || !strings.Contains(got.Stdout, o.nonce) {
		t.Errorf("it has no answer from the server\n%s", got)
	}
	for _, want := range c.want {
		if !strings.Contains(got.Stdout, want) {
			t.Errorf("it does not print %q\n%s", want, got)
		}
	}
	if len(got.problems) > 0 {
		t.Errorf("the server got %q", got.problems)
	}
	if c.noise != nil && got.Stderr != "" {
		t.Errorf("it says on stderr: %s", got.Stderr)
	}
	for _, secret := range append([]string{password}, valuesOf(keys)...) {
		if strings.Contains(got.Stdout+got.Stderr, secret) {
			t.Errorf("it has seen a key\n%s", got)
		}
	}
}

func valuesOf(m map[string]string) (values []string) {
	for _, v := range m {
		values = append(values, v)
	}
	return values
}
