package sigv4

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// Scope is what a signature is for.
type Scope struct{ Service, Region string }

// scopeOf finds out what to sign for: the client's own signature says it, else the host, else what is configured. At a host
// that may be anybody's the host alone says which service.
func scopeOf(r *http.Request, configured Scope) Scope {
	signed := signedScope(r)
	host := hostScope(hostOf(r))
	if isAnybodys(host.Service) {
		signed.Service = host.Service
	}
	service := cmp.Or(signed.Service, host.Service, configured.Service)
	return Scope{service, cmp.Or(signed.Region, host.Region, configured.Region, globalRegion(service))}
}

func hostOf(r *http.Request) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(host)
}

// signedScope reads the credential scope of a signature, KEY/DATE/REGION/SERVICE/aws4_request, from the header or from
// the query of a presigned URL.
func signedScope(r *http.Request) Scope {
	_, after, found := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !found {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return Scope{}
		}
		after = q.Get("X-Amz-Credential")
	}
	credential, _, _ := strings.Cut(after, ",")
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if n := len(parts); n >= 5 && parts[n-1] == "aws4_request" {
		return Scope{Service: plain(parts[n-2]), Region: plain(parts[n-3])}
	}
	return Scope{}
}

// plain refuses what cannot be the name of a service or a region.
func plain(s string) string {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '.' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		return ""
	}
	return s
}

// hostScope reads SERVICE.REGION.amazonaws.com and its variants; for S3 the bucket may come first.
func hostScope(host string) Scope {
	name, isAWS := strings.CutSuffix(host, ".amazonaws.com")
	if !isAWS {
		if name, isAWS = strings.CutSuffix(host, ".api.aws"); !isAWS {
			return Scope{}
		}
	}
	labels := strings.Split(name, ".")
	region := ""
	if last := labels[len(labels)-1]; isRegion(last) {
		region, labels = last, labels[:len(labels)-1]
	}
	if len(labels) > 0 && labels[len(labels)-1] == "dualstack" {
		labels = labels[:len(labels)-1]
	}
	if len(labels) == 0 {
		return Scope{Region: region}
	}
	service := labels[len(labels)-1]
	if service == "s3" || strings.HasPrefix(service, "s3-") {
		if old := strings.TrimPrefix(service, "s3-"); isRegion(old) {
			region = old // s3-eu-west-1.amazonaws.com
		}
		service = "s3"
	}
	service = strings.TrimSuffix(service, "-fips")
	return Scope{Service: signingName(service), Region: region}
}

// signingName is the name that a service signs with, where its host has another one.
func signingName(service string) string {
	switch service {
	case "email":
		return "ses"
	case "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime":
		return "bedrock"
	case "appsync-api", "appsync-realtime-api":
		return "appsync"
	default:
		return service
	}
}

// isAnybodys reports whether hosts of a service, by its signing name, lead to what some customer of AWS has put there, who sees
// the request as it was sent. A signature for another service could go on from there to that service, past every rule.
func isAnybodys(service string) bool {
	switch service {
	case "execute-api", "appsync", "cloud9", "es", "aoss":
		return true
	}
	return false
}

// isRegion knows a region by its form: us-east-1, ap-southeast-2, us-gov-west-1.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(parts) > 4 || len(parts[0]) != 2 || strings.ContainsAny(parts[0], "0123456789") {
		return false
	}
	number := parts[len(parts)-1]
	return len(number) == 1 && number[0] >= '1' && number[0] <= '9'
}

// globalRegion is the region that services without regions sign for, and S3 by its old host.
func globalRegion(service string) string {
	switch service {
	case "iam", "sts", "route53", "cloudfront", "organizations", "s3", "budgets", "ce":
		return "us-east-1"
	default:
		return ""
	}
}
