package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	_ "gocloud.dev/secrets/localsecrets" // base64key://
)

// TestMain makes this binary the program as well. The library keeps its connection to a service, so that a test with other
// credentials needs another process.
func TestMain(m *testing.M) {
	if os.Getenv("AUTHSOME_KMS_AS_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

func ask(t *testing.T, operation string, r request) answer {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], operation)
	cmd.Env = append(os.Environ(), "AUTHSOME_KMS_AS_PROGRAM=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(b), &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("error %v, complaints %q", err, &complaints)
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatalf("the answer %q is no JSON: %v", &out, err)
	}
	return a
}

var dataKey = bytes.Repeat([]byte{7}, 32)

// roundTrip encrypts and decrypts with one key, and tries what must not work.
func roundTrip(t *testing.T, key, otherKey string) {
	t.Helper()
	sealed := ask(t, "encrypt", request{Key: key, Data: dataKey})
	if sealed.Error != "" || len(sealed.Data) == 0 || bytes.Contains(sealed.Data, dataKey) {
		t.Fatalf("encrypt: %+v", sealed)
	}
	if opened := ask(t, "decrypt", request{Key: key, Data: sealed.Data}); !bytes.Equal(opened.Data, dataKey) {
		t.Errorf("decrypt: %+v", opened)
	}
	if opened := ask(t, "decrypt", request{Key: otherKey, Data: sealed.Data}); opened.Error == "" || opened.Data != nil {
		t.Errorf("another key decrypts: %+v", opened)
	}
	damaged := append(bytes.Clone(sealed.Data[:len(sealed.Data)-1]), sealed.Data[len(sealed.Data)-1]^1)
	if opened := ask(t, "decrypt", request{Key: key, Data: damaged}); opened.Error == "" {
		t.Errorf("something damaged is decrypted: %+v", opened)
	}
}

func TestLocalKey(t *testing.T) {
	roundTrip(t, "base64key://"+base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)),
		"base64key://"+base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32)))
}

// transit answers as the transit engine of Vault does, as far as its two endpoints are concerned: the ciphertext is text
// with the key's version, an absent key and a wrong ciphertext are 400, a wrong token is 403.
type transit struct {
	mu     sync.Mutex // guards stored
	stored map[string]string
}

func (s *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, message string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string][]string{"errors": {message}})
	}
	if r.Header.Get("X-Vault-Token") != "the-token" {
		refuse(http.StatusForbidden, "permission denied")
		return
	}
	body, _ := io.ReadAll(r.Body)
	var in struct{ Plaintext, Ciphertext string }
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(http.StatusBadRequest, "no JSON")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	operation, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/transit/"), "/")
	switch {
	case key == "absent":
		refuse(http.StatusBadRequest, "encryption key not found")
	case operation == "encrypt":
		ciphertext := "vault:v1:" + base64.StdEncoding.EncodeToString([]byte(key+string(rune('0'+len(s.stored)))))
		s.stored[key+ciphertext] = in.Plaintext
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"ciphertext": ciphertext, "key_version": 1}})
	case operation == "decrypt" && s.stored[key+in.Ciphertext] != "":
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"plaintext": s.stored[key+in.Ciphertext]}})
	default:
		refuse(http.StatusBadRequest, "invalid ciphertext")
	}
}

func TestTransit(t *testing.T) {
	server := httptest.NewServer(&transit{stored: make(map[string]string)})
	defer server.Close()
	t.Setenv("VAULT_SERVER_URL", server.URL)
	t.Setenv("VAULT_SERVER_TOKEN", "the-token")
	roundTrip(t, "hashivault://authsome", "hashivault://other")
	if a := ask(t, "decrypt", request{Key: "hashivault://authsome", Data: []byte("vault:v1:AAAA")}); !a.Refused || a.Hint == "" {
		t.Errorf("a wrong ciphertext: %+v", a)
	}
	t.Setenv("VAULT_SERVER_TOKEN", "another")
	if a := ask(t, "encrypt", request{Key: "hashivault://authsome", Data: dataKey}); a.Error == "" || a.Refused ||
		!strings.Contains(a.Hint, "VAULT_SERVER_TOKEN") || strings.Contains(a.Error, "the-token") {
		t.Errorf("a wrong token: %+v", a)
	}
	server.Close()
	if a := ask(t, "encrypt", request{Key: "hashivault://authsome", Data: dataKey}); a.Error == "" || a.Refused {
		t.Errorf("a server that is down: %+v", a)
	}
}

func TestWhatIsNoRequest(t *testing.T) {
	var out, complaints bytes.Buffer
	if code := serve(context.Background(), "encrypt", strings.NewReader("{"), &out, &complaints); code != 2 || complaints.Len() == 0 {
		t.Errorf("exit code %d, complaints %q", code, &complaints)
	}
	for _, r := range []request{{}, {Key: "telepathy://x"}, {Key: "%"}} {
		if a := ask(t, "encrypt", r); a.Error == "" || a.Hint == "" {
			t.Errorf("%+v: %+v", r, a)
		}
	}
	if a := ask(t, "guess", request{Key: "base64key://"}); a.Error == "" {
		t.Errorf("an unknown operation: %+v", a)
	}
}
