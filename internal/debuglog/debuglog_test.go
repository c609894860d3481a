package debuglog

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"authsome"
)

// envWriter makes a run of the test binary a process that logs.
const envWriter = "TEST_DEBUGLOG_WRITER"

const (
	writers     = 4
	records     = 400
	recordsSize = 30 << 10 // of one file: all records of all writers fit into five
)

func TestMain(m *testing.M) {
	path := os.Getenv(envWriter)
	if path == "" {
		os.Exit(m.Run())
	}
	log, closer := open(Config{Path: path}, recordsSize)
	for i := range records {
		log.Debug("r", "id", fmt.Sprintf("%d-%d;", os.Getpid(), i))
	}
	if err := closer.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestSilentProgramTouchesNothing(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	_, closer := Open(Config{Path: filepath.Join(home, "logs", "authsome.log")})
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("home: %v", err)
	}
}

func TestRecordsReachFileAndPerson(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "logs", "authsome.log")
	var person bytes.Buffer
	log, closer := Open(Config{Path: path, Verbose: &person})
	log.Debug("token request", "url", "https://a.test/token", "evil", "\x1b[2J\n")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	file := contents(t, path)
	if file != person.String() || !strings.Contains(file, `url=https://a.test/token evil="\x1b[2J\n"`) {
		t.Errorf("file %q, person %q", file, person.String())
	}
	if runtime.GOOS == "windows" {
		return
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %o", p, info.Mode(), err, want)
		}
	}
}

func TestDestinationsCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	log, closer := Open(Config{})
	if log.Enabled(t.Context(), slog.LevelError) {
		t.Error("a log to nowhere is enabled")
	}
	var person bytes.Buffer
	verbose, closer2 := Open(Config{Verbose: &person})
	verbose.Debug("hello")
	if !strings.Contains(person.String(), "hello") {
		t.Errorf("person saw %q", person.String())
	}
	for _, c := range []io.Closer{closer, closer2} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestUnwritableFileIsReportedAtCloseOnly(t *testing.T) {
	t.Parallel()
	var person bytes.Buffer
	log, closer := Open(Config{Path: t.TempDir(), Verbose: &person})
	log.Debug("first")
	log.Debug("second")
	if !strings.Contains(person.String(), "second") {
		t.Errorf("person saw %q", person.String())
	}
	if err := closer.Close(); err == nil || !strings.Contains(err.Error(), "debug log") {
		t.Errorf("Close: %v", err)
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	const value = "s3cr3t-value"
	secret := authsome.NewSecret(value)
	type inner struct{ token authsome.Secret }
	type outer struct {
		Token  authsome.Secret
		hidden inner
		Ptr    *authsome.Secret
		Map    map[string]authsome.Secret
	}
	path := filepath.Join(t.TempDir(), "authsome.log")
	log, closer := Open(Config{Path: path})
	log.Debug("attr", "token", secret, "ptr", &secret)
	log.Debug("group", slog.Group("g", slog.Any("token", secret), slog.Group("h", "token", secret)))
	log.With("token", secret).WithGroup("w").Debug("with", "token", secret)
	log.Debug("any", "v", outer{secret, inner{secret}, &secret, map[string]authsome.Secret{"k": secret}})
	log.Debug("list", "v", []authsome.Secret{secret}, "p", &outer{Token: secret, hidden: inner{secret}})
	log.Debug(fmt.Sprintf("%v %+v %#v %s %q %x %d", secret, secret, secret, secret, secret, secret, secret))
	log.Debug("error", "err", fmt.Errorf("refused %v", secret))
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	got := contents(t, path)
	if strings.Contains(got, value) || strings.Contains(got, fmt.Sprintf("%x", value)) {
		t.Errorf("leaked:\n%s", got)
	}
	if strings.Count(got, authsome.Redacted) < 15 {
		t.Errorf("not all secrets were printed as redacted:\n%s", got)
	}
}

func TestFileIsRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "authsome.log")
	file := &rotatingFile{path: path, maxSize: 10, maxFiles: 3}
	for _, record := range []string{"1111\n", "2222\n", "3333\n", "a record larger than a file\n", "4444\n", "5555\n", "6666\n"} {
		if _, err := file.Write([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"": "6666\n", ".1": "4444\n5555\n", ".2": "a record larger than a file\n",
	} {
		if got := contents(t, path+name); got != want {
			t.Errorf("authsome.log%s is %q, want %q", name, got, want)
		}
	}
	if _, err := os.Stat(path + ".3"); !os.IsNotExist(err) {
		t.Errorf("a fourth file: %v", err)
	}
}

// Five files of 10 MB are kept, the current one included.
func TestFiveFilesOfTenMegabytes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "authsome.log")
	for _, older := range []string{".1", ".2", ".3", ".4"} {
		if err := os.WriteFile(path+older, []byte("was"+older), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write := func(size int64) {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		log, closer := Open(Config{Path: path})
		log.Debug("the next one")
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(10<<20 - 1000)
	if got := contents(t, path+".1"); got != "was.1" {
		t.Errorf("a file of less than 10 MB was rotated, to one of %d bytes", len(got))
	}
	write(10 << 20)
	if got := contents(t, path); !strings.Contains(got, "the next one") || len(got) > 1000 {
		t.Errorf("after 10 MB authsome.log has %d bytes", len(got))
	}
	for name, want := range map[string]string{".2": "was.1", ".3": "was.2", ".4": "was.3"} {
		if got := contents(t, path+name); got != want {
			t.Errorf("authsome.log%s is %q, want %q", name, got, want)
		}
	}
	if _, err := os.Stat(path + ".5"); !os.IsNotExist(err) {
		t.Errorf("a sixth file: %v", err)
	}
}

func TestRemovedFileIsMadeAgain(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be removed")
	}
	path := filepath.Join(t.TempDir(), "logs", "authsome.log")
	file := &rotatingFile{path: path, maxSize: maxSize, maxFiles: maxFiles}
	_, _ = file.Write([]byte("before\n"))
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	_, _ = file.Write([]byte("after\n"))
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "after\n" {
		t.Errorf("got %q", got)
	}
}

func TestProcessesRotateWithoutLosingEachOthersRecords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "authsome.log")
	done := make(chan error, writers)
	var pids []int
	for range writers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envWriter+"="+path)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, cmd.Process.Pid)
		go func() { done <- cmd.Wait() }()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	all := contents(t, path)
	if len(all) == 0 {
		t.Error("the current file is empty")
	}
	for n := 1; n < maxFiles; n++ {
		older, err := os.ReadFile(fmt.Sprintf("%s.%d", path, n))
		if err == nil {
			all += string(older)
		}
	}
	if !strings.Contains(all, fmt.Sprintf("%d-0;", pids[0])) {
		t.Fatal("the first record has been rotated away: the test's sizes are off")
	}
	for _, pid := range pids {
		for i := range records {
			if strings.Count(all, fmt.Sprintf("id=%d-%d;\n", pid, i)) != 1 {
				t.Fatalf("record %d of process %d is there %d times", i, pid, strings.Count(all, fmt.Sprintf("id=%d-%d;\n", pid, i)))
			}
		}
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func BenchmarkDebug(b *testing.B) {
	log, closer := Open(Config{Path: filepath.Join(b.TempDir(), "authsome.log")})
	defer closer.Close()
	for b.Loop() {
		log.Debug("request", "host", "api.github.com", "status", 200)
	}
}
