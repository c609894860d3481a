package doctor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// node says how the Node.js on the PATH gets to the proxy.
func (e *examination) node(ctx context.Context) Check {
	const name = "node"
	out, err := e.output(ctx, "node", "--version")
	if errors.Is(err, exec.ErrNotFound) {
		return passed(name, "not installed")
	}
	if err != nil {
		return noted(name, fmt.Sprintf("node does not tell its version: %v", err), "")
	}
	version := strings.TrimSpace(string(out))
	if followsProxy(version) {
		return passed(name, "Node.js "+version+" follows the proxy of authsome run")
	}
	return noted(name, "Node.js "+version+" ignores the proxy; authsome run leads it there by NODE_OPTIONS",
		"a program that clears NODE_OPTIONS goes direct, and fails; Node.js 24.5, or 22.21 and later, needs less help")
}

// followsProxy reports whether a version of Node.js knows NODE_USE_ENV_PROXY, for fetch and for node:https.
func followsProxy(version string) bool {
	return atLeast(version, "24.5") || atLeast(version, "22.21") && !atLeast(version, "23")
}
