package fetchmeta

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// FuzzHeaders: whatever a request says of itself, what the browser says of it by
// Fetch Metadata wins, and a page of another origin never passes for ours.
func FuzzHeaders(f *testing.F) {
	const origin = "https://app.example"
	f.Fuzz(func(t *testing.T, method, mode, dest, site, from, accept, upgrade string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method = method
		for name, value := range map[string]string{
			"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest, "Sec-Fetch-Site": site, "Origin": from, "Accept": accept, "Upgrade": upgrade,
		} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		top := TopLevel(r)
		if top && (!Document(r) || Unseen(r) || WebSocket(r) || Prefetch(r) || method != http.MethodGet) {
			t.Errorf("a visit to a page: %v", r.Header)
		}
		visit := (mode == "navigate" || mode == "") && (dest == "document" || dest == "")
		if said := mode != "" || dest != ""; said && top != (visit && method == http.MethodGet && !WebSocket(r)) {
			t.Errorf("%v, though the browser says otherwise: %v", top, r.Header)
		}
		if SameOrigin(r, origin) && (site != "" && site != "same-origin" || from == "" && site == "" || from == "null" && site == "") {
			t.Errorf("taken for our own page: %v", r.Header)
		}
		r.Header["Origin"] = []string{"https://evil.example"}
		if SameOrigin(r, origin) {
			t.Errorf("another origin is taken for ours: %v", r.Header)
		}
	})
}
