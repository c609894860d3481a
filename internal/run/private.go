package run

import (
	"os"
	"runtime"
	"slices"
)

// PrivateRoots returns the certificate authorities that the variables of a parent name beside the system's, PEM, each
// once: those of a company whose network decrypts traffic, say. A program that does not know where its requests will be
// made from has to trust what any of the parent's programs would.
//
// On systems where Go reads SSL_CERT_FILE and SSL_CERT_DIR by itself, what those name is left out, and so is the system's own file,
// which these variables name more often than any other: to read its certificates takes longer than a command.
func PrivateRoots(parent []string) []byte {
	variables := privateVariables()
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		variables = append(variables, "SSL_CERT_FILE", "SSL_CERT_DIR")
		return namedRoots(newCertificates(), parent, variables).pem
	}
	return namedRoots(newCertificates(), parent, variables, systemFile(parent)).pem
}

// systemFile returns the file that crypto/x509 reads the system's certificates from, as far as that can be told: what
// SSL_CERT_FILE names, or the first one that it looks for on Linux. It is empty for another.
func systemFile(parent []string) string {
	const first = "/etc/ssl/certs/ca-certificates.crt"
	if path := valueOf(parent, "SSL_CERT_FILE"); path != "" {
		return path
	}
	if runtime.GOOS == "linux" {
		return first
	}
	return ""
}

// privateVariables names the variables that hold the path of a file or a directory of certificates.
func privateVariables() []string {
	return []string{
		"NODE_EXTRA_CA_CERTS", "DENO_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
		"PIP_CERT", "AWS_CA_BUNDLE", "npm_config_cafile", "NPM_CONFIG_CAFILE", "CARGO_HTTP_CAINFO", "NIX_SSL_CERT_FILE",
		"HTTPLIB2_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
	}
}

// RootVariables names the variables by which a parent may name certificate authorities.
func RootVariables() []string { return append(privateVariables(), "SSL_CERT_FILE", "SSL_CERT_DIR") }

// namedRoots adds what the variables name, except for files that are read elsewhere. What cannot be read is passed over.
func namedRoots(roots *certificates, parent, variables []string, elsewhere ...string) *certificates {
	read := slices.Clone(elsewhere)
	for _, name := range variables {
		path := valueOf(parent, name)
		if path == "" || slices.Contains(read, path) {
			continue
		}
		read = append(read, path)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			roots.addDir(path)
		} else {
			roots.addFile(path)
		}
	}
	return roots
}
