// Package fetchmeta tells by a request's headers what the browser is doing: by
// Fetch Metadata (Sec-Fetch-*) where it is sent, and by older signs where not.
package fetchmeta

import (
	"net/http"
	"strconv"
	"strings"
)

// TopLevel reports whether the request is a person's browser going to a page by
// GET, so that a redirect to a sign-in page leads somewhere.
func TopLevel(r *http.Request) bool {
	if r.Method != http.MethodGet || Prefetch(r) || WebSocket(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	return r.Header.Get("X-Requested-With") == "" && acceptsHTML(r)
}

// Document reports whether the answer is shown as a page: any navigation, also
// by POST or in a frame.
func Document(r *http.Request) bool {
	if WebSocket(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return r.Header.Get("X-Requested-With") == "" && acceptsHTML(r)
}

// Prefetch reports whether the browser only prepares for a page that it may
// never show: a prefetch or a prerendering.
func Prefetch(r *http.Request) bool {
	purpose := r.Header.Get("Sec-Purpose")
	if purpose == "" {
		purpose = r.Header.Get("Purpose")
	}
	if purpose == "" {
		purpose = r.Header.Get("X-Moz")
	}
	purpose = strings.ToLower(purpose)
	return strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender")
}

// SubResource reports whether the answer becomes a part of a page.
func SubResource(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "audio", "audioworklet", "font", "image", "manifest", "paintworklet", "script", "serviceworker",
		"sharedworker", "style", "track", "video", "worker", "xslt":
		return true
	}
	return false
}

// WebSocket reports whether the request asks to become a WebSocket (RFC 6455
// §4.1, RFC 8441 §4).
func WebSocket(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "websocket" ||
		r.Method == http.MethodConnect ||
		listed(r.Header.Values("Upgrade"), "websocket")
}

// SameOrigin reports whether the browser says that a page of origin made the
// request. Silence is no.
func SameOrigin(r *http.Request, origin string) bool {
	from := r.Header.Get("Origin")
	if from != "" && from != "null" && !strings.EqualFold(from, origin) {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return from != "" && from != "null"
}

// acceptsHTML reports whether Accept names text/html. Browsers do when they
// navigate; programs send */*.
func acceptsHTML(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(item, ";")
			media = strings.ToLower(strings.TrimSpace(media))
			if (media == "text/html" || media == "application/xhtml+xml") && !refused(parameters) {
				return true
			}
		}
	}
	return false
}

// refused reports whether the weight among parameters is zero (RFC 9110
// §12.4.2).
func refused(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err != nil || weight <= 0
		}
	}
	return false
}

func listed(lines []string, name string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), name) {
				return true
			}
		}
	}
	return false
}
