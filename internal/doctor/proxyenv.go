package doctor

import (
	"net/url"
	"runtime"
	"slices"
	"strings"
)

// envBroker holds the address of the proxy of the run that this process is a child of.
const envBroker = "AUTHSOME_BROKER"

// proxyEnvironment examines, in a child of "authsome run", whether the environment still leads to the broker.
func (e *examination) proxyEnvironment() Check {
	const name = "proxy_environment"
	broker := e.getenv(envBroker)
	if broker == "" {
		return passed(name, "not inside authsome run, which sets its own")
	}
	var lines []string
	for _, variable := range []string{"HTTPS_PROXY", "https_proxy"} {
		switch value := e.getenv(variable); {
		case value == "":
			lines = append(lines, variable+" is not set: programs that read it go direct")
		case proxyHost(value) != broker: // the value is not shown: it may hold a password
			lines = append(lines, variable+" does not lead to the broker at "+broker)
		}
	}
	for _, variable := range []string{"NO_PROXY", "no_proxy"} {
		for _, host := range exceptions(e.getenv(variable)) {
			lines = append(lines, variable+" leads around the broker to "+host)
		}
	}
	lines = append(lines, e.lostHelp(broker)...)
	if len(lines) > 0 {
		return failed(name, strings.Join(lines, "\n"),
			"something between authsome run and this command, such as a shell's start-up file, has changed these variables")
	}
	return passed(name, "leads to the broker at "+broker)
}

// lostHelp lists the variables that no longer help interpreters to the broker, which find no way there by themselves.
func (e *examination) lostHelp(broker string) (lines []string) {
	// Both name files in the directory of the run, or of the proxy that stays open, which internal/run makes.
	for _, variable := range []string{"NODE_OPTIONS", "PYTHONPATH"} {
		if value := e.getenv(variable); !strings.Contains(value, "child-") && !strings.Contains(value, "proxy-") {
			lines = append(lines, variable+" no longer loads what authsome run has put there: some programs go direct")
		}
	}
	_, port, _ := strings.Cut(broker, ":")
	if !slices.Contains(strings.Fields(e.getenv("JAVA_TOOL_OPTIONS")), "-Dhttps.proxyPort="+port) {
		lines = append(lines, "JAVA_TOOL_OPTIONS does not lead to the broker at "+broker+": Java goes direct")
	}
	return lines
}

// proxyHost returns host and port of a proxy's URL, which may lack its scheme.
func proxyHost(value string) string {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil {
		return ""
	}
	return u.Host
}

// exceptions lists what NO_PROXY excepts besides this machine.
func exceptions(noProxy string) (hosts []string) {
	for host := range strings.FieldsFuncSeq(noProxy, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch strings.ToLower(host) {
		case "localhost", ".localhost", "*.localhost", "127.0.0.1", "127.0.0.0/8", "::1", "[::1]", "::1/128":
		default:
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// getenv looks a variable up in the environment that is examined. The last of several counts.
func (e *examination) getenv(want string) string {
	for _, entry := range slices.Backward(e.Environ) {
		name, value, _ := strings.Cut(entry, "=")
		if name == want || runtime.GOOS == "windows" && strings.EqualFold(name, want) {
			return value
		}
	}
	return ""
}
