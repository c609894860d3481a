package run

import (
	"os"
	"strings"
)

const phpVariable = "PHP_INI_SCAN_DIR"

// phpSettings makes PHP trust the bundle: its cURL and its streams look at no variable.
func phpSettings(bundle string) []byte {
	return []byte("curl.cainfo = \"" + bundle + "\"\nopenssl.cafile = \"" + bundle + "\"\n")
}

// phpScan appends the directory. An empty element stands for the directory that is compiled in.
func phpScan(before, dir string) string {
	if dir == "" {
		return before
	}
	last := string(os.PathListSeparator) + dir
	return strings.TrimSuffix(before, last) + last
}
