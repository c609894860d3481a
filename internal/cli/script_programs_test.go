package cli

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"authsome/internal/sandbox"
)

// Environment variables of the programs below. The product knows none of them.
const (
	envClockOffset = "TEST_CLOCK_OFFSET" // a duration that is added to the clock
	envSettle      = "TEST_SETTLE"       // how long a broker runs before it keeps logins alive
	envTranscript  = "TEST_TRANSCRIPT"   // the file that gets a copy of what is printed
	envBrowse      = "BROWSE_"           // and a field's name: what the browser fills into it
)

// authsomeProgram is the real command, with a clock that can be moved.
func authsomeProgram() {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		syscall.Exit(sandbox.Main()) // os.Exit takes a second with the race detector, and it has no environment to say otherwise
	}
	offset, settle := durationFrom(envClockOffset), durationFrom(envSettle)
	os.Exit(transcribed(func() int {
		return mainWith(func(env *Env) {
			env.Now = func() time.Time { return time.Now().Add(offset) }
			env.Settle = settle
		})
	}))
}

// durationFrom reads a variable of the environment; 0 if it is not set.
func durationFrom(name string) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		fatal(err)
	}
	return d
}

// transcribed copies what is printed to the transcript, except standard output where a secret was asked for.
func transcribed(program func() int) int {
	path := os.Getenv(envTranscript)
	if path == "" {
		return program()
	}
	transcript, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		fatal(err)
	}
	var copies sync.WaitGroup
	tee := func(stream **os.File, silent bool) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			fatal(err)
		}
		to := []io.Writer{*stream}
		if !silent {
			to = append(to, transcript)
		}
		*stream = w
		copies.Go(func() { _, _ = io.Copy(io.MultiWriter(to...), r) })
		return w
	}
	asked := slices.Contains(os.Args, "--show-secret") || slices.Contains(os.Args, "export")
	writers := []*os.File{tee(&os.Stdout, asked), tee(&os.Stderr, false)}
	code := program()
	for _, w := range writers {
		_ = w.Close()
	}
	copies.Wait()
	return code
}

// browseProgram is a browser: it visits a URL, follows redirects, and fills in a form.
func browseProgram() {
	page := os.Args[len(os.Args)-1]
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	response, err := client.Get(page)
	if err != nil {
		fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if strings.Contains(string(body), `class="code"`) { // our own page with a device's code: follow its link
		link := regexp.MustCompile(`<a href="([^"]*)"`).FindStringSubmatch(string(body))
		page = html.UnescapeString(link[1])
		if response, err = client.Get(page); err != nil {
			fatal(err)
		}
		body, _ = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	inputs := regexp.MustCompile(`<input id="[^"]*" name="([^"]*)"`).FindAllStringSubmatch(string(body), -1)
	form := make(url.Values)
	for _, input := range inputs {
		form.Set(input[1], os.Getenv(envBrowse+input[1]))
	}
	if len(form) == 0 {
		return
	}
	if os.Getenv("BROWSE_CANCEL") != "" {
		form = url.Values{"cancel login": {"yes"}}
	}
	if response, err = client.PostForm(page, form); err != nil {
		fatal(err)
	}
	_ = response.Body.Close()
}

// fetchProgram is a client that knows nothing of authsome: fetch [METHOD] URL... It prints status and body.
func fetchProgram() {
	method := http.MethodGet
	for _, arg := range os.Args[1:] {
		if !strings.Contains(arg, ":") {
			method = arg
			continue
		}
		request, err := http.NewRequest(method, arg, nil)
		if err != nil {
			fatal(err)
		}
		if token := os.Getenv("ACME_TOKEN"); token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		fmt.Printf("%d %s\n", response.StatusCode, strings.TrimSpace(string(body)))
	}
}

// acmeProgram is a service's own command, that prints a token: acmecli auth token. ACMECLI says what else it does.
func acmeProgram() {
	if strings.Join(os.Args[1:], " ") != "auth token" || os.Getenv("AUTHSOME_HOME") != "" {
		fatal(fmt.Errorf("called with %q, and with our variables or not", os.Args[1:]))
	}
	switch how := os.Getenv("ACMECLI"); how {
	case "":
		fmt.Println("acme-token-1")
	case "logged-out":
		fmt.Fprintln(os.Stderr, "usage: acmecli\nyou are not logged in")
		os.Exit(4)
	case "leaky":
		fmt.Println("acme-token-1")
		fmt.Fprintln(os.Stderr, "cannot check acme-token-1")
		os.Exit(1)
	default:
		fmt.Print(how)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
