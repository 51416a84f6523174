// Package returnto decides where a browser may be sent back to.
package returnto

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxLength bounds an address, before and after escaping: it travels inside
// state, in the provider's URL.
const maxLength = 2048

// Local returns raw as the local address it is: an absolute path with an
// optional query and fragment, in ASCII. It is false for whatever a browser
// could read as anything else than that path of this very origin (WHATWG URL
// §4.4; RFC 9700 §4.11): an authority after two slashes, of either kind; a
// control character or a space at an end, which browsers drop before they look;
// a dot segment, behind which two slashes could come to stand first; anything
// longer than 2048 bytes. What Local returned it returns unchanged.
func Local(raw string) (string, bool) {
	if len(raw) > maxLength || !strings.HasPrefix(raw, "/") || strings.HasSuffix(raw, " ") {
		return "", false
	}
	if !utf8.ValidString(raw) || strings.ContainsFunc(raw, isControl) {
		return "", false
	}
	path, _, _ := strings.Cut(raw, "#")
	path, _, _ = strings.Cut(path, "?")
	if strings.HasPrefix(path, "//") || strings.Contains(path, `\`) || hasDotSegment(path) {
		return "", false
	}
	local := escape(raw)
	if len(local) > maxLength {
		return "", false
	}
	if u, err := url.Parse(local); err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return "", false
	}
	return local, true
}

// isControl reports whether r is an ASCII control character. Browsers drop
// some of them wherever they stand, so that "/\t/host" is "//host".
func isControl(r rune) bool { return r < ' ' || r == 0x7f }

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
	if !strings.ContainsFunc(raw, isForeign) {
		return raw
	}
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; isForeign(rune(c)) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isForeign(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
}
