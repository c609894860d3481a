package clients_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// api is the server of the clients that fetch something in general.
func (o *origin) api(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/echo":
		o.echo(w, r)
	case r.URL.Path == "/events":
		o.events(w, r)
	case r.URL.Path == "/events/seen":
		close(o.event(r.FormValue("n")))
	case r.URL.Path == "/large":
		o.download(w, r)
	case r.URL.Path == "/socket":
		o.socket(w, r)
	case strings.HasPrefix(r.URL.Path, "/index/"):
		o.cargo(w, r)
	default:
		fmt.Fprintf(w, "{\"answer\":%q}\n", o.nonce)
	}
}

// echo sends back what it gets, as it comes.
func (o *origin) echo(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	_, _ = io.Copy(w, r.Body)
}

// events sends an event when the one before has been seen: a client, or a proxy, that gathers them waits for ever.
func (o *origin) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for n := range 3 {
		fmt.Fprintf(w, "data: %d %s\n\n", n+1, o.nonce)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-o.event(fmt.Sprint(n + 1)):
		case <-r.Context().Done():
			return
		case <-time.After(30 * time.Second):
			return
		}
	}
}

func (o *origin) event(n string) chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[n] == nil {
		o.seen[n] = make(chan struct{})
	}
	return o.seen[n]
}

// socket answers one message.
func (o *origin) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	kind, message, err := conn.Read(r.Context())
	if err != nil {
		return
	}
	_ = conn.Write(r.Context(), kind, append(message, " "+o.nonce...))
	_, _, _ = conn.Read(r.Context()) // until the client closes it
}

// sdk is as much of the services' own APIs as their clients ask for.
func (o *origin) sdk(w http.ResponseWriter, r *http.Request) {
	switch r.Host + r.URL.Path {
	case "api.github.com/user":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"login": %q, "id": 1}`, o.nonce)
	case "api.openai.com/v1/chat/completions":
		w.Header().Set("Content-Type", "text/event-stream")
		for _, part := range []string{"hello ", o.nonce} {
			fmt.Fprintf(w, "data: {\"choices\": [{\"index\": 0, \"delta\": {\"content\": %q}}]}\n\n", part)
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	case "api.anthropic.com/v1/messages":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": %q}],
			"model": "m", "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}`, o.nonce)
	default:
		http.NotFound(w, r)
	}
}

// npm is a registry with one package, whose description is the word.
func (o *origin) npm(w http.ResponseWriter, r *http.Request) {
	manifest := fmt.Sprintf(`{"name": "demo", "version": "1.0.0", "description": %q}`, o.nonce)
	archive := tarball("package/package.json", manifest)
	switch r.URL.Path {
	case "/demo":
		sum := sha256.Sum256(archive)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name": "demo", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "demo", "version": "1.0.0",
			"dist": {"tarball": "https://registry.npmjs.org/demo/-/demo-1.0.0.tgz", "integrity": "sha256-%s"}}}}`,
			base64.StdEncoding.EncodeToString(sum[:]))
	case "/demo/-/demo-1.0.0.tgz":
		_, _ = w.Write(archive)
	default:
		http.NotFound(w, r)
	}
}

// cargo is a registry with the sparse protocol and one crate.
func (o *origin) cargo(w http.ResponseWriter, r *http.Request) {
	archive := tarball("demo-1.0.0/Cargo.toml",
		fmt.Sprintf("[package]\nname = \"demo\"\nversion = \"1.0.0\"\ndescription = %q\n", o.nonce),
		"demo-1.0.0/src/lib.rs", "")
	switch r.URL.Path {
	case "/index/config.json":
		fmt.Fprint(w, `{"dl": "https://api.clients.test/index/crates/{crate}/{version}"}`)
	case "/index/de/mo/demo":
		sum := sha256.Sum256(archive)
		fmt.Fprintf(w, `{"name": "demo", "vers": "1.0.0", "deps": [], "cksum": "%s", "features": {}, "yanked": false}`+"\n",
			hex.EncodeToString(sum[:]))
	case "/index/crates/demo/1.0.0":
		_, _ = w.Write(archive)
	default:
		http.NotFound(w, r)
	}
}

// basic is an index of Python packages, and a server of Git repositories.
func (o *origin) basic(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/simple/demo/":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<a href="/demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a>`)
	case strings.HasSuffix(r.URL.Path, ".whl"):
		_, _ = w.Write(o.wheel())
	case strings.HasPrefix(r.URL.Path, "/repository.git/"):
		o.git(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (o *origin) wheel() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{
		"demo.py":                     "",
		"demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: " + o.nonce + "\n",
		"demo-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"demo-1.0.dist-info/RECORD":   "",
	} {
		f, _ := z.Create(name)
		_, _ = io.WriteString(f, content)
	}
	_ = z.Close()
	return b.Bytes()
}

// git lets Git itself serve a repository that has the word for the subject of its only commit.
func (o *origin) git(w http.ResponseWriter, r *http.Request) {
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + o.repositories, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=me", "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
	}).ServeHTTP(w, r)
}

// tarball packs files, given as names and contents by turns.
func tarball(files ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for i := 0; i+1 < len(files); i += 2 {
		_ = t.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))})
		_, _ = io.WriteString(t, files[i+1])
	}
	_ = t.Close()
	_ = z.Close()
	return b.Bytes()
}
