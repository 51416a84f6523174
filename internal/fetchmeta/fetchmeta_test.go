package fetchmeta

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// request parses "METHOD Name: value | Name: value".
func request(t *testing.T, text string) *http.Request {
	t.Helper()
	method, headers, _ := strings.Cut(text, " ")
	r := httptest.NewRequest(method, "/", nil)
	for line := range strings.SplitSeq(headers, "|") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			r.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return r
}

func TestTopLevelAndDocument(t *testing.T) {
	const html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	for _, c := range []struct {
		request            string
		topLevel, document bool
	}{
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document", true, true},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | X-Requested-With: app", true, true},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: iframe | " + html, false, true},
		{"GET Sec-Fetch-Mode: navigate | " + html, true, true},          // Chromium before 80, which has no Sec-Fetch-Dest,
		{"GET Sec-Fetch-Mode: nested-navigate | " + html, false, false}, // and says this of frames
		{"GET Sec-Fetch-Mode: navigate | X-Requested-With: app", true, true},
		{"GET Sec-Fetch-Mode: navigate | Sec-Purpose: prefetch", false, true},
		{"GET Sec-Fetch-Dest: document | " + html, true, true},
		{"GET Sec-Fetch-Dest: iframe | " + html, false, false},
		{"GET Sec-Fetch-Dest: image | " + html, false, false},
		{"GET Sec-Fetch-Mode: same-origin | Sec-Fetch-Dest: document | " + html, false, false},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | Purpose: prefetch | Sec-Purpose: other", false, true},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | Purpose: business", true, true},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | Upgrade: websocket", false, false},
		{"GET Sec-Fetch-Mode: cors | Sec-Fetch-Dest: empty | " + html, false, false},
		{"GET Sec-Fetch-Mode: no-cors | Sec-Fetch-Dest: image | " + html, false, false},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | Sec-Purpose: prefetch", false, true},
		{"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | Sec-Purpose: prefetch;prerender", false, true},
		{"POST Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document", false, true},
		{"HEAD Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document", false, false},
		{"OPTIONS " + html, false, false},
		{"GET " + html, true, true},
		{"GET Accept: TEXT/HTML", true, true},
		{"GET Accept: text/html;q=0", false, false},
		{"GET Accept: text/html; q=0.0, */*", false, false},
		{"GET Accept: text/html;level=1;q=0.5", true, true},
		{"GET Accept: text/html;q=junk", false, false},
		{"GET Accept: text/html;q=NaN", false, false},
		{"GET Accept: text/html;Q=0", false, false},
		{"GET Accept: text/html;q=0.001", true, true},
		{"GET Accept: application/json | Accept: text/html", true, true},
		{"GET Accept: text/htmlx, application/xhtml+xml, text/*", false, false},
		{"GET Accept: application/json", false, false},
		{"GET Accept: */*", false, false},
		{"GET -: -", false, false},
		{"GET X-Requested-With: XMLHttpRequest | " + html, false, false},
		{"GET Purpose: prefetch | " + html, false, true},
		{"GET X-Moz: prefetch | " + html, false, true},
		{"GET X-Purpose: preview | " + html, false, true},
		{"GET Upgrade: h2c | " + html, true, true},
		{"CONNECT :protocol: websocket | " + html, false, false},
		{"CONNECT " + html, false, false},
		{"GET Upgrade: websocket | Connection: Upgrade | " + html, false, false},
		{"GET Upgrade: h2c, WebSocket | " + html, false, false},
		{"GET Sec-Fetch-Mode: websocket | Sec-Fetch-Dest: empty", false, false},
	} {
		r := request(t, c.request)
		if TopLevel(r) != c.topLevel || Document(r) != c.document {
			t.Errorf("%s: top level %v, document %v, want %v, %v", c.request, TopLevel(r), Document(r), c.topLevel, c.document)
		}
	}
}

func TestSubResource(t *testing.T) {
	for dest, want := range map[string]bool{
		"image": true, "script": true, "style": true, "font": true, "audio": true, "video": true, "track": true, "manifest": true,
		"worker": true, "serviceworker": true, "json": true, "text": true, "report": true,
		"": false, "empty": false, "document": false, "iframe": false, "frame": false, "embed": false, "object": false, "Image": false,
	} {
		if got := SubResource(request(t, "GET Sec-Fetch-Dest: "+dest)); got != want {
			t.Errorf("SubResource(%q) = %v, want %v", dest, got, want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for _, c := range []struct {
		request string
		want    bool
	}{
		{"POST Sec-Fetch-Site: same-origin", true},
		{"POST Sec-Fetch-Site: same-origin | Origin: https://app.example.com", true},
		{"POST Sec-Fetch-Site: same-origin | Origin: null", true}, // a page with Referrer-Policy: no-referrer
		{"POST Origin: https://app.example.com", true},
		{"POST Sec-Fetch-Site: same-origin | Origin: https://evil.example.com", false},
		{"POST Sec-Fetch-Site: same-site | Origin: https://other.example.com", false},
		{"POST Sec-Fetch-Site: cross-site", false},
		{"POST Sec-Fetch-Site: none", false},
		{"POST Origin: https://app.example.com.evil.example", false},
		{"POST Origin: http://app.example.com", false},
		{"POST Origin: null", false},
		{"POST Sec-Fetch-Site: cross-site | Origin: https://app.example.com", false},
		{"POST Sec-Fetch-Site: cross-site | Origin: null", false},
		{"POST Origin: https://app.example.com:8443", false},
		{"POST Origin: https://app.example.com/", false},
		{"POST -: -", false},
	} {
		if got := SameOrigin(request(t, c.request), "https://app.example.com"); got != c.want {
			t.Errorf("%s: %v, want %v", c.request, got, c.want)
		}
	}
}

func TestUnseen(t *testing.T) {
	for text, want := range map[string]bool{
		"GET Accept: */*": false,
		"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document":                         false,
		"POST Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document":                        false,
		"GET Sec-Fetch-Mode: navigate":                                                    false,
		"GET Sec-Fetch-Dest: document":                                                    false,
		"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: iframe":                           true,
		"GET Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | Sec-Purpose: prefetch": true,
		"GET Sec-Fetch-Mode: cors | Sec-Fetch-Dest: empty":                                true,
		"GET Sec-Fetch-Mode: cors":                                                        true,
		"GET Sec-Fetch-Dest: image":                                                       true,
		"GET Upgrade: websocket":                                                          true,
	} {
		if got := Unseen(request(t, text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestSilent(t *testing.T) {
	for text, want := range map[string]bool{
		"GET -: -":                     true,
		"GET Accept: */*":              true,
		"POST Accept: */*":             true,
		"HEAD -: -":                    false,
		"PUT -: -":                     false,
		"GET Accept: text/html":        false,
		"GET Accept: application/json": false,
		"GET Accept: application/json | Accept: */*":       false,
		"GET X-Requested-With: XMLHttpRequest":             false,
		"GET Sec-Fetch-Mode: cors | Sec-Fetch-Dest: empty": false,
		"GET Upgrade: websocket":                           false,
	} {
		if got := Silent(request(t, text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestForm(t *testing.T) {
	const navigation = "Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document"
	for text, want := range map[string]bool{
		"POST " + navigation + " | Origin: https://app.example | Accept: text/html":                                true,
		"POST " + navigation + " | Origin: null | Accept: text/html":                                               true,
		"GET " + navigation + " | Origin: https://app.example | Accept: text/html":                                 false,
		"POST " + navigation + " | Accept: text/html":                                                              false,
		"POST " + navigation + " | Origin: https://app.example | Accept: */*":                                      false,
		"POST " + navigation + " | Origin: https://app.example":                                                    false,
		"POST Origin: https://app.example | Accept: text/html":                                                     false,
		"POST Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: iframe | Origin: https://app.example | Accept: text/html": false,
		"POST Sec-Fetch-Mode: cors | Sec-Fetch-Dest: empty | Origin: https://app.example | Accept: text/html":      false,
	} {
		if got := Form(request(t, text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
