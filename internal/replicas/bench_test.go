package replicas

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// BenchmarkLiveSession is a request with a session that lives and wasn't revoked,
// as far as the gate goes: what it holds of Redis's is in memory.
func BenchmarkLiveSession(b *testing.B) {
	for _, m := range []mode{stored, cookies} {
		b.Run(string(m), func(b *testing.B) {
			f := newFleet(b, m)
			r := httptest.NewRequest(http.MethodGet, "/me", nil)
			site, err := url.Parse(f.sites[0].URL)
			if err != nil {
				b.Fatal(err)
			}
			for _, c := range f.signIn().jar.Cookies(site) {
				r.AddCookie(c)
			}
			handler := f.gates[1].Identify(f.gates[1].Require(rbac.SignedIn())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if _, ok := gatehouse.IdentityFrom(r.Context()); !ok {
					b.Error("nobody is there")
				}
			})))
			b.ReportAllocs()
			for b.Loop() {
				res := httptest.NewRecorder()
				if handler.ServeHTTP(res, r); res.Code != http.StatusOK {
					b.Fatal(res.Code)
				}
			}
		})
	}
}
