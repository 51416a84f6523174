// Package fetchmeta tells by a request's headers what the browser is doing: by
// Fetch Metadata (Sec-Fetch-*) where it is sent, and by older signs where not.
// Pages can't set the Sec-Fetch-* headers, so these win.
package fetchmeta

import (
	"net/http"
	"strconv"
	"strings"
)

// TopLevel reports whether the request is a person's browser going to a page by
// GET, so that a redirect to a sign-in page leads somewhere. Of mode and destination
// one is enough: Chromium before 80 sends no destination, and has a mode of its own
// for frames.
func TopLevel(r *http.Request) bool {
	if r.Method != http.MethodGet || Prefetch(r) || WebSocket(r) {
		return false
	}
	if mode, dest, ok := metadata(r); ok {
		return (mode == "navigate" || mode == "") && (dest == "document" || dest == "")
	}
	return wantsHTML(r)
}

// Document reports whether the answer is shown as a page: any navigation, also
// by POST or in a frame. Browsers navigate by no other method.
func Document(r *http.Request) bool {
	if WebSocket(r) || r.Method != http.MethodGet && r.Method != http.MethodPost {
		return false
	}
	if mode, dest, ok := metadata(r); ok {
		return mode == "navigate" || mode == "" && dest == "document"
	}
	return wantsHTML(r)
}

// Form reports whether a person has posted a form whose answer is shown in the
// place of the page, by all that browsers say of it: Fetch Metadata, the Origin (Fetch
// §3.1), and that a page is wanted. Who leaves any of it out may be a program.
func Form(r *http.Request) bool {
	mode, dest, _ := metadata(r)
	return r.Method == http.MethodPost && mode == "navigate" && dest == "document" && get(r, "Origin") != "" && wantsHTML(r)
}

// Unseen reports whether the request is known to be no visit to a page: that of a
// script, for a part of a page or for a frame in it, or a preparation. Who says
// nothing of it may be anybody.
func Unseen(r *http.Request) bool {
	mode, dest, _ := metadata(r)
	return mode != "" && mode != "navigate" || dest != "" && dest != "document" || Prefetch(r) || WebSocket(r)
}

// Silent reports whether a request to a page says nothing of what its answer is for:
// neither by Fetch Metadata nor by X-Requested-With, and it accepts anything.
func Silent(r *http.Request) bool {
	if WebSocket(r) || r.Method != http.MethodGet && r.Method != http.MethodPost {
		return false
	}
	_, _, said := metadata(r)
	accept := strings.TrimSpace(strings.Join(r.Header.Values("Accept"), ","))
	return !said && get(r, "X-Requested-With") == "" && (accept == "" || accept == "*/*")
}

// get is Header.Get for a name that is in canonical form already. Every request is
// asked for several, of which it has few.
func get(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// metadata returns what Fetch Metadata says, if anything.
func metadata(r *http.Request) (mode, dest string, ok bool) {
	mode, dest = get(r, "Sec-Fetch-Mode"), get(r, "Sec-Fetch-Dest")
	return mode, dest, mode != "" || dest != ""
}

// Prefetch reports whether the browser only prepares for a page that it may
// never show: a prefetch or a prerendering.
//
// Sec-Purpose is the standard's (Fetch §3.8); Purpose, X-Purpose and X-Moz are
// what older browsers send.
func Prefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		purpose := strings.ToLower(get(r, name))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") || purpose == "preview" {
			return true
		}
	}
	return false
}

// SubResource reports whether the answer becomes a part of a page, as the
// destinations of Fetch §2.2.5 say. fetch() has no destination; frames and
// objects are pages of their own.
func SubResource(r *http.Request) bool {
	switch get(r, "Sec-Fetch-Dest") {
	case "audio", "audioworklet", "font", "image", "json", "manifest", "paintworklet", "report", "script",
		"serviceworker", "sharedworker", "style", "text", "track", "video", "worker", "xslt":
		return true
	}
	return false
}

// WebSocket reports whether the request asks to become a WebSocket (RFC 6455
// §4.1, RFC 8441 §4).
func WebSocket(r *http.Request) bool {
	return get(r, "Sec-Fetch-Mode") == "websocket" ||
		r.Method == http.MethodConnect && get(r, ":protocol") == "websocket" ||
		listed(r.Header["Upgrade"], "websocket")
}

// SameOrigin reports whether the browser says that a page of origin made the
// request: scheme, host and port as in an Origin header (RFC 6454 §6.2). Origin
// is null where a page hides its address, and then says nothing. Silence is no.
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

// wantsHTML reports whether Accept names text/html. Browsers do when they
// navigate; programs send */*, and libraries of pages say that they are ones.
func wantsHTML(r *http.Request) bool {
	if r.Header.Get("X-Requested-With") != "" {
		return false
	}
	for _, line := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(media), "text/html") && !refused(parameters) {
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
			return err != nil || !(weight > 0) // NaN too
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
