package conf

import (
	"crypto/ed25519"
	"encoding/base64"
	"strconv"
	"strings"
)

// The functions here judge one string each: they return what is wrong with it,
// or "". The key's name goes before, the quoted value too.

const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	letters = lower + upper
)

// only tells whether a string consists of these characters.
func only(s, set string) bool {
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) < 0 {
			return false
		}
	}
	return true
}

// name judges the names of directors, routers, groups and servers. They appear
// in commands, metrics and logs.
func name(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 64:
		return "is longer than 64 characters"
	case !only(s, letters+digits+"-_.:"):
		return "has a character that is not a letter, a digit or one of - _ . :"
	case !only(s[:1], letters+digits):
		return "does not begin with a letter or a digit"
	}
	return ""
}

// v2Password judges what RFC 2338 section 5.3.10 has room for.
func v2Password(s string) string {
	if len(s) > 8 {
		return "is longer than 8 bytes, which is all that an advert has room for"
	}
	return ""
}

// publicKey judges the public half of an Ed25519 key, base64 of 32 bytes.
func publicKey(s string) string {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if s != "" && (err != nil || len(b) != ed25519.PublicKeySize || strings.ContainsAny(s, "\r\n")) {
		return "is not a public key: failover keygen prints one, of 44 characters"
	}
	return ""
}

// interfaceName judges by the kernel's rule (dev_valid_name): at most 15 bytes,
// no slash, colon or blank.
func interfaceName(s string) string {
	switch {
	case len(s) > 15:
		return "is longer than an interface name can be (15 characters)"
	case s == "." || s == ".." || strings.ContainsAny(s, "/: \t"):
		return "is not a name an interface can have"
	}
	return ""
}

// addressLabel judges what the kernel keeps of a label: IFNAMSIZ − 1 bytes.
func addressLabel(s string) string {
	switch {
	case len(s) > 15:
		return "is longer than a label can be (15 bytes)"
	case strings.ContainsAny(s, "/ \t"):
		return "is not a label an address can have"
	}
	return ""
}

// credentialName judges by systemd's rule: the name of a file.
func credentialName(s string) string {
	if len(s) > 255 || s == "." || s == ".." || strings.ContainsAny(s, "/:") {
		return "is not a name a credential can have"
	}
	return ""
}

func absolutePath(s string) string {
	if !strings.HasPrefix(s, "/") {
		return "is not an absolute path"
	}
	return ""
}

// processName judges what a process is looked for by.
func processName(s string) string {
	if strings.Contains(s, "/") && !strings.HasPrefix(s, "/") {
		return "is neither a name nor an absolute path"
	}
	return ""
}

// socketPath judges a Unix socket's path: sun_path holds 107 bytes and a zero.
func socketPath(s string) string {
	if len(s) > 107 {
		return "is longer than a socket's path can be (107 bytes)"
	}
	return absolutePath(s)
}

func userName(s string) string {
	if len(s) > 32 || strings.ContainsAny(s, ":/ \t") || strings.HasPrefix(s, "-") {
		return "is not a user name"
	}
	return ""
}

func requestPath(s string) string {
	switch {
	case !strings.HasPrefix(s, "/"):
		return "does not begin with /"
	case strings.ContainsAny(s, " #"):
		return "has a blank or a #; write %20 or %23"
	}
	return ""
}

func hostName(s string) string {
	if len(s) > 253 || !only(s, letters+digits+"-_.") {
		return "is not a host name"
	}
	return ""
}

// hostHeader judges host or host:port.
func hostHeader(s string) string {
	host, port, ok := strings.Cut(s, ":")
	if n, err := strconv.Atoi(port); ok && (err != nil || n < 1 || n > 65535) {
		return "is not a host name, or host:port"
	}
	if host == "" || hostName(host) != "" {
		return "is not a host name, or host:port"
	}
	return ""
}

// headerName judges by the token of RFC 9110 section 5.6.2.
func headerName(s string) string {
	switch {
	case s == "" || !only(s, letters+digits+"!#$%&'*+-.^_`|~"):
		return "is not a header's name"
	case strings.EqualFold(s, "Host"):
		return "is set by the key host"
	}
	return ""
}

func statusRange(s string) string {
	if _, ok := parseStatus(s); !ok {
		return `is neither a status code of 100–599 nor an ascending range such as "200-299"`
	}
	return ""
}
