package doctor

import (
	"os"
	"runtime"
)

// python says what of Python gets to the proxy. It is the same for every version, so none is asked.
func (e *examination) python() Check {
	const name = "python"
	if _, err := e.lookPath("python3"); err != nil {
		if _, err := e.lookPath("python"); err != nil {
			return passed(name, "not installed")
		}
	}
	return noted(name, "requests, httpx, urllib and pip follow the proxy; authsome run leads aiohttp and urllib3 there by PYTHONPATH",
		"http.client by itself, and python -I or -E with aiohttp or urllib3, go direct, and fail: see docs/clients.md")
}

// java says whether the proxy can know a Java, which cannot log in.
func (e *examination) java() Check {
	const name = "java"
	if _, err := e.lookPath("java"); err != nil && e.getenv("JAVA_HOME") == "" {
		return passed(name, "not installed")
	}
	if recognizes() {
		return passed(name, "the proxy of authsome run knows Java by its environment")
	}
	return noted(name, "Java cannot log in to the proxy of authsome run, which cannot know it otherwise on this system: status 407",
		"give the program's HTTP client an Authenticator with the user and password in HTTPS_PROXY, and set "+
			"-Djdk.http.auth.tunneling.disabledSchemes=")
}

// recognizes reports whether the kernel tells of sockets and environments, which internal/peer reads.
func recognizes() bool {
	if runtime.GOOS != "linux" {
		return false
	}
	for _, path := range []string{"/proc/net/tcp", "/proc/self/environ"} {
		if _, err := os.ReadFile(path); err != nil {
			return false
		}
	}
	return true
}
