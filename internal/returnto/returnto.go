// Package returnto decides where a browser may be sent back to.
package returnto

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxLength bounds an address: it travels inside state, in the provider's URL.
const maxLength = 2048

// Local returns raw as the local address it is: an absolute path with an
// optional query and fragment, in ASCII. It is false for whatever a browser
// could read as anything else than a path of this very origin (WHATWG URL, §4.4;
// RFC 9700 §4.11.2): an authority after two slashes, of either kind; a control
// character, which browsers drop before they look; a dot segment, behind which
// two slashes could come to stand first.
func Local(raw string) (string, bool) {
	if raw == "" || len(raw) > maxLength || raw[0] != '/' || !utf8.ValidString(raw) {
		return "", false
	}
	path, _, _ := strings.Cut(raw, "#")
	path, _, _ = strings.Cut(path, "?")
	if strings.HasPrefix(path, "//") || strings.Contains(path, `\`) || hasDotSegment(path) {
		return "", false
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false
	}
	local := escape(raw)
	if u, err := url.Parse(local); err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	return local, true
}

// hasDotSegment also knows the spellings of a dot that browsers know.
func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return true
		}
	}
	return false
}

// escape writes what doesn't belong into a URL in percent-encoding.
func escape(raw string) string {
	if !strings.ContainsFunc(raw, foreign) {
		return raw
	}
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; foreign(rune(c)) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func foreign(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^{|}`+"`", r) }
