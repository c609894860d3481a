package run

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOptionsOfNodeAreQuotedAndAppended(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ before, file, want string }{
		{"", "/r/node.cjs", "--require=/r/node.cjs"},
		{"--max-old-space-size=99", "/r/node.cjs", "--max-old-space-size=99 --require=/r/node.cjs"},
		{"", "/a b/node.cjs", `--require="/a b/node.cjs"`},
		{"", `C:\a "b"\node.cjs`, `--require="C:\\a \"b\"\\node.cjs"`},
		{"--x", "", "--x"},
	} {
		if got := nodeOptions(test.before, test.file); got != test.want {
			t.Errorf("%q, %q: %s", test.before, test.file, got)
		}
	}
}

func TestOptionsOfJavaAreQuotedAndAppended(t *testing.T) {
	t.Parallel()
	got := javaOptions("-Xmx1g", "127.0.0.1:1", "/a b/java.p12")
	for _, want := range []string{
		"-Xmx1g -Dhttps.proxyHost=127.0.0.1 ", `"-Djavax.net.ssl.trustStore=/a b/java.p12"`, "-Djavax.net.ssl.trustStorePassword= ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if got := quoteJava(`-Dx=/a "b"`); got != `'-Dx=/a "b"'` {
		t.Error(got)
	}
	if got := javaOptions("", "127.0.0.1:1", ""); strings.Contains(got, "trustStore") {
		t.Errorf("there is no store: %s", got)
	}
}

func TestDirectoriesJoinWhatThereIs(t *testing.T) {
	t.Parallel()
	const list = string(os.PathListSeparator)
	for got, want := range map[string]string{
		pythonPath("", "/r/python"): "/r/python", pythonPath("/mine", "/r/python"): "/r/python" + list + "/mine",
		pythonPath("/mine", ""): "/mine", phpScan("", "/r/php"): list + "/r/php", phpScan("/mine", "/r/php"): "/mine" + list + "/r/php",
	} {
		if got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

// The store is written for a Java only, since that takes longer than all other files together.
func TestTrustStoreIsWrittenWhereThereIsJava(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for parent, want := range map[string]bool{"PATH=" + bin: false, "JAVA_HOME=/jdk": true} {
		if got := hasJava([]string{parent}); got != want {
			t.Errorf("%s: %t", parent, got)
		}
	}
	write(t, filepath.Join(bin, "java"), nil)
	for parent, want := range map[string]bool{"PATH=" + bin: true, "Path=" + bin: foldsCase} { // as Windows has it
		if got := hasJava([]string{parent}); got != want {
			t.Errorf("%s: %t", parent, got)
		}
	}
	corp := "SSL_CERT_FILE=" + write(t, filepath.Join(t.TempDir(), "corp.pem"), certificate("corp"))
	if f := prepare(t, t.TempDir(), corp, "PATH="+bin); f.Java == "" {
		t.Error("there is a Java and no store")
	}
	if f := prepare(t, t.TempDir(), corp); f.Java != "" {
		t.Error("there is a store and no Java")
	}
}

// A sitecustomize that a person has of their own must still be found, and see nothing of ours.
func TestPythonFindsTheOwnSitecustomize(t *testing.T) {
	t.Parallel()
	python := program(t, "python3")
	corp := "SSL_CERT_FILE=" + write(t, filepath.Join(t.TempDir(), "corp.pem"), certificate("corp"))
	files := prepare(t, t.TempDir(), corp)
	own := t.TempDir()
	write(t, filepath.Join(own, "sitecustomize.py"), []byte("OWN = 'mine'\n"))
	env := environ([]string{"PYTHONPATH=" + own, "PATH=" + os.Getenv("PATH")}, Settings{Proxy: "127.0.0.1:1", Files: files.Paths}, false)
	cmd := exec.CommandContext(t.Context(), python, "-c",
		"import sitecustomize, sys; print(sitecustomize.OWN, [p for p in sys.path if 'child-' in p])")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "mine []" {
		t.Errorf("%s, %v", out, err)
	}
	// A module that fails at its start is told as ever.
	write(t, filepath.Join(own, "sitecustomize.py"), []byte("import nothing_of_that_name\n"))
	cmd = exec.CommandContext(t.Context(), python, "-c", "print('goes on')")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing_of_that_name") ||
		!strings.Contains(string(out), "goes on") {
		t.Errorf("%s, %v", out, err)
	}
}

// Without a proxy in the environment, and beside a proxy that is not to be had, the file of Node.js changes nothing.
func TestNodeWithoutAProxyIsLeftAlone(t *testing.T) {
	t.Parallel()
	node := program(t, "node")
	file := write(t, filepath.Join(t.TempDir(), "a b", "node.cjs"), []byte(nodePreload))
	const look = `const tls = require('tls'), direct = tls.connect.name; import('node:tls').then((m) =>
		console.log(direct === 'connect' && m.connect === tls.connect, Object.getOwnPropertySymbols(globalThis).length))`
	for proxy, script := range map[string]string{
		"": look, "socks5://127.0.0.1:1": look, "http://127.0.0.1:1": look, "not a URL": look,
	} {
		cmd := exec.CommandContext(t.Context(), node, "-e", script)
		cmd.Env = []string{
			"NODE_OPTIONS=" + nodeOptions("--require="+quoteNode(file), file), "HTTPS_PROXY=" + proxy, "PATH=" + os.Getenv("PATH"),
		}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "true") {
			t.Errorf("%q: %s, %v", proxy, out, err)
		}
	}
}

// program returns the path of an interpreter, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}
