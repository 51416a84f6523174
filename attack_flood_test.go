package gatehouse_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// postElsewhere is a form that another site posts in this browser: it carries no cookie
// that is SameSite=Lax, and the answer's are kept.
func (b *browser) postElsewhere(path string, form url.Values) answer {
	b.w.Helper()
	apart := b.w.browser()
	res := apart.send(http.MethodPost, path, with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), form.Encode())
	b.keep(res.Cookies())
	return res
}

// TestPostedSignIns: another site has its visitor's browser begin sign-ins without end,
// by forms that come without our cookies. That fills no Cookie header, nor drives out
// what the person began; each that is left can be finished, by its own state alone.
func TestPostedSignIns(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	mine := b.callback("/orders/mine")
	var callbacks []string
	for i := range 100 {
		res := b.postElsewhere("/auth/login", url.Values{"iss": {w.idp.URL}, "target_link_uri": {"/orders/" + strconv.Itoa(i)}})
		callbacks = append(callbacks, b.get(res.location(t)).location(t))
	}
	left := len(flowCookies(b.cookies()))
	if left > 17 {
		t.Errorf("%d flow cookies", left)
	}
	for i, callback := range slices.Backward(callbacks) {
		if got := b.get(callback).location(t); got != w.app.URL+"/orders/"+strconv.Itoa(i) {
			t.Errorf("sign-in %d ended at %s", i, got)
		}
	}
	if got := b.get(mine).location(t); got != w.app.URL+"/orders/mine" {
		t.Errorf("the person's own ended at %s", got)
	}
	if got := w.provider.Calls(oidctest.Token); got != left {
		t.Errorf("%d token requests, want one for each of the %d that were left", got, left)
	}
}

// TestTwoGatesOfOneClient: two parts of a site have a gate each, of one client. A sign-in
// that is under way at the one outlives one at the other, and both have one session.
func TestTwoGatesOfOneClient(t *testing.T) {
	var other *gatehouse.Gate
	w := newWorld(t, setup{routes: func(one *gatehouse.Gate) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", one.Wrap(one.RequireLogin(http.HandlerFunc(me))))
		mux.HandleFunc("/shop/", func(w http.ResponseWriter, r *http.Request) {
			other.Wrap(other.RequireLogin(http.HandlerFunc(me))).ServeHTTP(w, r)
		})
		return mux
	}})
	config := w.config
	config.AuthPath = "/shop/auth"
	var err error
	other, err = gatehouse.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	b := w.browser()
	callbacks := []string{b.callback("/me"), b.callback("/shop/cart"), b.callback("/orders")}
	for i, page := range []string{"/me", "/shop/cart", "/orders"} {
		if got := b.get(callbacks[i]).location(t); got != w.app.URL+page {
			t.Errorf("a sign-in ended at %s, want %s", got, page)
		}
		b.get(page).want(t, http.StatusOK, "alice")
	}
	if got := w.provider.Calls(oidctest.Token); got != len(callbacks) {
		t.Errorf("%d token requests", got)
	}
	b.get("/shop/auth/logout").want(t, http.StatusFound)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}
