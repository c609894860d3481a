package attack_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// 42: a web page that the victim has open drives what listens on this machine: by a name of the attacker's that leads here
// (DNS rebinding), or by requests to another origin.
func webPageRebinding(t *testing.T) {
	t.Run("redirect", func(t *testing.T) {
		i := newIssuer(t)
		r := i.newHome(t, i.URL+"/token").Login(t, func(address string) error {
			honest, err := i.honest(address, "good")
			if err != nil {
				return err
			}
			u := *honest.redirect
			u.RawQuery = honest.Encode()
			return errors.Join(
				rebound(&u, "GET"),
				foreign(&u, "GET", http.StatusForbidden, map[string]string{"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"}),
				foreign(&u, "POST", http.StatusMethodNotAllowed, nil),
				foreign(&u, "OPTIONS", http.StatusMethodNotAllowed, map[string]string{"Access-Control-Request-Method": "GET"}),
				honest.send(),
			)
		}, "victim")
		if r.Code != 0 {
			t.Errorf("the honest login, after all that: %s", r)
		}
	})
	t.Run("form", func(t *testing.T) {
		w := newWorld(t, setup{})
		address := w.openForm(t)
		typed := url.Values{"api_key": {"attackers"}}.Encode()
		root := *address
		root.Path = "/"
		for _, err := range []error{
			rebound(address, "GET"), rebound(address, "POST"),
			foreign(&root, "GET", http.StatusNotFound, nil),
			foreign(&root, "POST", http.StatusNotFound, nil),
			foreign(address, "POST", http.StatusForbidden, map[string]string{"body": typed}),
			foreign(address, "POST", http.StatusForbidden, map[string]string{"body": typed, "Origin": "null"}),
			foreign(address, "POST", http.StatusForbidden, map[string]string{"body": typed, "Origin": "", "Sec-Fetch-Site": "cross-site"}),
			foreign(address, "OPTIONS", http.StatusMethodNotAllowed, map[string]string{"Access-Control-Request-Method": "POST"}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		if got := w.home.Must(t, "get", "victim", "--field", "api_key", "--show-secret"); got != w.secret {
			t.Errorf("the page has changed the key to %s", got)
		}
	})
	t.Run("proxy", func(t *testing.T) {
		r := newWorld(t, setup{}).run(t)
		address := &url.URL{Scheme: "http", Host: r.proxy(t).Host, Path: "/"}
		for _, err := range []error{
			foreign(address, "GET", http.StatusProxyAuthRequired, nil),
			foreign(address, "GET", http.StatusProxyAuthRequired, map[string]string{"Host": evilHost}),
			foreign(address, "OPTIONS", http.StatusProxyAuthRequired, map[string]string{"Access-Control-Request-Method": "GET"}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		r.w.victim.untouched(t)
	})
}

// rebound is a request under a name of the attacker's. Nothing is to be learned from its answer.
func rebound(u *url.URL, method string) error {
	return foreign(u, method, http.StatusMisdirectedRequest, map[string]string{"Host": evilHost + ":" + u.Port(), "Origin": "http://" + evilHost + ":" + u.Port()})
}

// foreign sends what a page of the attacker's can have a browser send.
func foreign(u *url.URL, method string, want int, with map[string]string) error {
	req, err := http.NewRequest(method, u.String(), strings.NewReader(with["body"]))
	if err != nil {
		return err
	}
	req.Header.Set("Origin", "https://"+evilHost)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range with {
		switch {
		case name == "body":
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s with %v was answered %s, want %d", method, u, with, resp.Status, want)
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			return fmt.Errorf("%s %s: the answer has %s, so that pages may read it", method, u, name)
		}
	}
	return nil
}

// openForm begins a login whose key is asked for in the browser, and returns the address that the browser gets.
func (w *world) openForm(t *testing.T) *url.URL {
	t.Helper()
	dir := t.TempDir()
	browser, told := filepath.Join(dir, "browser"), filepath.Join(dir, "address")
	if err := os.WriteFile(browser, []byte("#!/bin/sh\nprintf %s \"$1\" >"+told+".new && mv "+told+".new "+told+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := w.home.Command(t.Context(), "login", "victim", "--force")
	cmd.Env = append(cmd.Env, "BROWSER="+browser)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if b, err := os.ReadFile(told); err == nil {
			u, err := url.Parse(string(b))
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
	}
	t.Fatal("no form was opened")
	return nil
}
