package cli

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/run"
	"authsome/internal/standing"
)

// proxyVariables are those that lead out of a company's network, in the spellings that [app.environmentProxy] reads.
func proxyVariables() []string {
	return []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"}
}

// outward makes the environment one by which a proxy finds its way out, and returns what of it the proxy's next life is to know.
// The shell of an agent has the variables of the proxy itself in place of those: who starts it there once more gets what it had.
func (a *app) outward(dir string) (standing.Outward, error) {
	before, err := standing.Read(dir)
	agents := err == nil && before.Address != "" && a.env.getenv(envBroker) == before.Address
	a.env.Environ = withoutOwn(a.env.Environ, dir)
	if !agents {
		return outwardOf(a.env.Environ, a.env.getenv(envBroker)), nil
	}
	if before.Outward.Password {
		return standing.Outward{}, &authsome.Error{
			Kind:    authsome.KindUsage,
			Message: "it went out through another proxy, whose password this shell does not have, being an agent's",
			Hint:    "start it in a new shell",
		}
	}
	lost := proxyVariables()
	a.env.Environ = slices.DeleteFunc(a.env.Environ, func(entry string) bool {
		name, _, _ := cutEnv(entry)
		return slices.Contains(lost, name)
	})
	a.env.Environ = append(a.env.Environ, before.Outward.Variables...)
	return before.Outward, nil
}

// outwardOf returns what of an environment leads out. What leads to the broker of a run does not: a proxy outlives that.
func outwardOf(environ []string, broker string) standing.Outward {
	var out standing.Outward
	proxies, roots := proxyVariables(), run.RootVariables()
	for _, entry := range environ {
		name, value, ok := cutEnv(entry)
		switch {
		case !ok || value == "", broker != "" && strings.HasSuffix(value, "@"+broker):
		case slices.Contains(proxies, name) && hasPassword(value):
			out.Password = true
		case slices.Contains(proxies, name), slices.Contains(roots, name):
			out.Variables = append(out.Variables, entry)
		}
	}
	return out
}

// hasPassword reports whether the address of a proxy may hold one.
func hasPassword(address string) bool {
	u, err := url.Parse(address)
	return err != nil || u.User != nil || strings.Contains(address, "@")
}

// withoutOwn leaves out the variables that lead to the files of an earlier life of the proxy.
func withoutOwn(environ []string, dir string) []string {
	var kept []string
	for _, entry := range environ {
		if _, value, _ := cutEnv(entry); !strings.HasPrefix(value, dir+string(filepath.Separator)) {
			kept = append(kept, entry)
		}
	}
	return kept
}
