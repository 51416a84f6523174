package gatehouse_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// TestPagesOfSessionsInCaches: a page of a session is private and varies by cookie. A
// handler that says one of them itself is obeyed, and the other one stands: a cache
// that heeds either hands the page to nobody else.
func TestPagesOfSessionsInCaches(t *testing.T) {
	files := http.FileServerFS(fstest.MapFS{"there.txt": {Data: []byte("x")}})
	writes := func(header func(http.Header)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			header(w.Header())
			w.WriteHeader(http.StatusNoContent)
		})
	}
	for name, c := range map[string]struct {
		handler      http.Handler
		path         string
		cache, vary  string
		byOwnAccount bool // the handler has said both
	}{
		"says nothing":            {writes(func(http.Header) {}), "/me", "private", "Cookie", false},
		"adds to Vary":            {writes(func(h http.Header) { h.Add("Vary", "Accept-Encoding") }), "/me", "private", "Cookie, Accept-Encoding", false},
		"sets Vary":               {writes(func(h http.Header) { h.Set("Vary", "Accept-Encoding") }), "/me", "private", "Accept-Encoding", false},
		"sets Cache-Control":      {writes(func(h http.Header) { h.Set("Cache-Control", "max-age=60") }), "/me", "max-age=60", "Cookie", false},
		"a file":                  {files, "/there.txt", "private", "Cookie", false},
		"a file that isn't there": {files, "/gone.txt", "", "Cookie", false},
		"an error":                {http.NotFoundHandler(), "/me", "private", "Cookie", false},
		"says both": {writes(func(h http.Header) {
			h.Set("Vary", "Accept-Encoding")
			h.Set("Cache-Control", "public")
		}), "/me", "public", "Accept-Encoding", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
				mux := g.Mux()
				mux.Handle("/", rbac.SignedIn(), c.handler)
				return g.Wrap(mux)
			}})
			b := w.browser()
			b.get(b.callback("/me"))
			header := b.get(c.path).Header
			cache, vary := header.Get("Cache-Control"), header.Values("Vary")
			if strings.Join(vary, ", ") != c.vary || cache != c.cache {
				t.Errorf("Cache-Control %q, Vary %q", cache, vary)
			}
			if !c.byOwnAccount && cache != "private" && !slices.Contains(vary, "Cookie") {
				t.Error("a cache may hand it to anybody")
			}
		})
	}
}

// TestPagesOfNobodyInCaches: a page that depends on a session varies by cookie, also where
// the session doesn't count or can't be opened, and is private where it is somebody's,
// unless something in front has said what it is.
func TestPagesOfNobodyInCaches(t *testing.T) {
	var store *mined
	w := newWorld(t, setup{
		gate: func(c *gatehouse.Config) {
			store = newMined(c.Clock)
			c.Store = store
		},
		routes: func(g *gatehouse.Gate) http.Handler {
			root := http.NewServeMux()
			root.Handle("/", routes(g))
			root.HandleFunc("/front/", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				g.Wrap(http.HandlerFunc(me2)).ServeHTTP(w, r)
			})
			return root
		},
	})
	stranger, b := w.browser(), w.browser().signIn()
	foreign := http.Header{"Origin": {"https://elsewhere.example"}, "Sec-Fetch-Site": {"cross-site"}}
	for name, c := range map[string]struct {
		browser           *browser
		method, path      string
		header            http.Header
		away              string
		says, cache, vary string
	}{
		"a stranger's":           {stranger, "GET", "/", navigation, "", "stranger", "", ""},
		"somebody's":             {b, "GET", "/", navigation, "", "alice", "private", "Cookie"},
		"by another site's page": {b, "POST", "/", foreign, "", "stranger", "", "Cookie"},
		"while the store fails":  {b, "GET", "/", navigation, "Load", "stranger", "", "Cookie"},
		"said in front":          {b, "GET", "/front/", navigation, "", "alice", "max-age=60", "Cookie"},
	} {
		store.lay(c.away)
		res := c.browser.send(c.method, c.path, c.header, "").want(t, http.StatusOK, c.says)
		if cache, vary := res.Header.Get("Cache-Control"), res.Header.Get("Vary"); cache != c.cache || vary != c.vary {
			t.Errorf("%s: Cache-Control %q, Vary %q", name, cache, vary)
		}
	}
}
