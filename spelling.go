package gatehouse

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// meanings are the requests that r may be for somebody behind the handler, such as a
// proxied application or a file system, who reads its path otherwise than
// http.ServeMux does: decoded before it is split and cleaned, backslashes taken for
// slashes, and without what follows a semicolon (RFC 3986 §3.3). Each comes twice,
// without a slash at its end and with one. Nil where there is but one way to read it.
func meanings(r *http.Request) []*http.Request {
	if !ambiguous(r.URL) {
		return nil
	}
	text := r.URL.Path
	bare := strings.ReplaceAll(withoutParameters(text), `\`, "/")
	var all []*http.Request
	for _, read := range []string{text, bare, strings.ReplaceAll(text, `\`, "/"), withoutParameters(text)} {
		read = path.Clean("/" + read)
		for _, spelt := range []string{strings.TrimSuffix(read, "/"), strings.TrimSuffix(read, "/") + "/"} {
			other := *r
			other.URL = &url.URL{Path: spelt}
			all = append(all, &other)
		}
	}
	return all
}

// ambiguous reports whether a path can be read in several ways. Most can't: they
// have neither escapes that matter nor parameters.
func ambiguous(u *url.URL) bool {
	return u.RawPath != "" || strings.ContainsAny(u.Path, `;\`) || strings.Contains(u.Path, "/.") || strings.Contains(u.Path, "//")
}

// withoutParameters drops the parameters of every segment.
func withoutParameters(text string) string {
	if !strings.Contains(text, ";") {
		return text
	}
	segments := strings.Split(text, "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}
