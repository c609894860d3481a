package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// commandTimeout bounds a question to another program.
const commandTimeout = 2 * time.Second

// output runs a program that is on the examined PATH, in the user's home, and returns what it prints. The program sees
// little of the environment: above all not the master key.
func (e *examination) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := e.lookPath(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = e.UserHome
	cmd.Env = e.commandEnviron()
	cmd.WaitDelay = commandTimeout // for children of it that keep its output open
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", name, err)
	}
	return out, nil
}

func (e *examination) commandEnviron() []string {
	env := []string{"HOME=" + e.UserHome, "USERPROFILE=" + e.UserHome}
	for _, name := range []string{
		"PATH", "PATHEXT", "SystemRoot", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
	} {
		if value := e.getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (e *examination) lookPath(name string) (string, error) {
	for _, dir := range filepath.SplitList(e.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // not what exec.LookPath would run either
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", name, exec.ErrNotFound)
}
