package ofrepapi

import (
	"net/http"
	"net/url"
	"strings"
)

// isStream reports whether a request is for the stream, which is authenticated by a pass.
func isStream(r *http.Request) bool { return r.URL.Path == streamPath }

// isOFREP reports whether a path belongs to OFREP.
func isOFREP(r *http.Request) bool {
	if r.URL.Path == "/ofrep" {
		return true
	}
	if !strings.HasPrefix(r.URL.Path, "/ofrep/") && !strings.HasPrefix(r.URL.Path, environmentsPath) {
		return false
	}
	return strings.HasPrefix(protocolPath(r.URL), "/ofrep/")
}

// protocolPath returns the escaped path from /ofrep on.
func protocolPath(u *url.URL) string {
	path := u.EscapedPath()
	if rest, ok := strings.CutPrefix(path, environmentsPath); ok {
		_, rest, _ = strings.Cut(rest, "/")
		path = "/" + rest
	}
	return path
}

// keyOf returns the name of the flag that a path is about, and "" where it is about none.
func keyOf(u *url.URL) string {
	key, single := strings.CutPrefix(protocolPath(u), flagsPath+"/")
	if !single {
		return ""
	}
	key = strings.TrimSuffix(key, "/")
	if unescaped, err := url.PathUnescape(key); err == nil {
		key = unescaped
	}
	return key
}
