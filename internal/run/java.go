package run

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// javaOptions appends the proxy and the trust store to the options there are; of two equal ones Java takes the last. Java
// sends no password to a proxy unless a program does it in code. The proxy of a run knows its children without, where the
// system lets it.
func javaOptions(before, proxy, trustStore string) string {
	host, port, err := net.SplitHostPort(proxy)
	if err != nil {
		host = proxy
	}
	options := []string{
		"-Dhttps.proxyHost=" + host, "-Dhttps.proxyPort=" + port, "-Dhttp.proxyHost=" + host, "-Dhttp.proxyPort=" + port,
		"-Dhttp.nonProxyHosts=localhost|127.*|[::1]",
	}
	if trustStore != "" {
		// Without a password, for there is nothing to keep: one that is inherited has to go.
		options = append(options, "-Djavax.net.ssl.trustStoreType=PKCS12", "-Djavax.net.ssl.trustStorePassword=",
			quoteJava("-Djavax.net.ssl.trustStore="+trustStore))
	}
	return appended(before, " ", strings.Join(options, " "))
}

// quoteJava quotes an option with white space, as the variable has it: within quotes everything stands for itself.
func quoteJava(option string) string {
	switch {
	case !strings.ContainsAny(option, " \t'\""):
		return option
	case strings.Contains(option, `"`):
		return "'" + option + "'"
	}
	return `"` + option + `"`
}

// hasJava reports whether the child is likely to find a Java: on its PATH, or by the variable that names one.
func hasJava(parent []string) bool {
	if valueOf(parent, "JAVA_HOME") != "" {
		return true
	}
	for _, dir := range filepath.SplitList(valueOf(parent, "PATH")) {
		for _, name := range []string{"java", "java.exe"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
	}
	return false
}

// trustStore returns certificates as Java reads them: PKCS #12 (RFC 7292) with the attribute that makes a certificate a
// trusted one, not encrypted and without a MAC, which every version of Java since 8 reads and which takes no time. Java
// has no store of its own besides: this one replaces it.
func trustStore(certificates []byte) ([]byte, error) {
	var entries []pkcs12.TrustStoreEntry
	for block, rest := pem.Decode(certificates); block != nil; block, rest = pem.Decode(rest) {
		entries = append(entries, pkcs12.TrustStoreEntry{
			Cert: &x509.Certificate{Raw: block.Bytes}, FriendlyName: "ca-" + strconv.Itoa(len(entries)+1),
		})
	}
	store, err := pkcs12.Passwordless.EncodeTrustStoreEntries(entries, "")
	if err != nil {
		return nil, fmt.Errorf("write certificates for Java: %w", err)
	}
	return store, nil
}
