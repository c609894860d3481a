package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// issued finds what the authorization server makes: tokens and codes, but for the user code.
func issued(s string) []string {
	return regexp.MustCompile(`\b(?:at|rt|code|dc)-[A-Z2-7]{26}\b`).FindAllString(s, -1)
}

// watched remembers every secret that leaves a server or arrives there.
func (w *scriptWorld) watched(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() { // a fault may panic to end the connection
			for _, name := range []string{"code_verifier", "client_secret", "refresh_token", "token", "code", "device_code"} {
				if v := r.PostForm.Get(name); v != "" {
					w.secret(v)
				}
			}
			w.secret(issued(rw.Header().Get("Location"))...)
		}()
		h.ServeHTTP(&watchedWriter{ResponseWriter: rw, world: w}, r)
	})
}

type watchedWriter struct {
	http.ResponseWriter
	world *scriptWorld
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	w.world.secret(issued(string(b))...)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets a fault reset the connection.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// checkSecrets looks for secrets where none may be.
func (w *scriptWorld) checkSecrets(t testing.TB) {
	w.mu.Lock()
	secrets := slices.Collect(maps.Keys(w.secrets))
	w.mu.Unlock()
	for _, root := range []string{w.home, filepath.Join(w.work, ".tmp"), filepath.Join(w.work, "transcript")} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, s := range secrets {
				if bytes.Contains(content, []byte(s)) {
					t.Errorf("%s holds a secret: %s…", path, s[:3])
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
