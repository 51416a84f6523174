package interop_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// wantOutage fails the test unless a page says that the provider is away, in
// words of ours, and before everybody has left.
func (b *browser) wantOutage(path string) {
	b.w.Helper()
	began := time.Now()
	page := b.want(b.open(path), http.StatusServiceUnavailable, path)
	if took := time.Since(began); took > time.Minute {
		b.w.Errorf("it took %v", took)
	}
	kind := page.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "text/html") || page.Header.Get("Retry-After") == "" || page.Header.Get("Cache-Control") != "no-store" {
		b.w.Errorf("headers: %v", page.Header)
	}
	for _, detail := range []string{"localhost", "refused", "dial", "oidc:"} {
		if strings.Contains(page.Body, detail) {
			b.w.Errorf("shows %q: %s", detail, page)
		}
	}
}

// patience is longer than any failure is remembered.
const patience = 6 * time.Second

// TestProviderAwayAtFirst: the application starts and serves everybody it can,
// and the first login after the provider is back works.
func TestProviderAwayAtFirst(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		w.server.Stop()
		b := w.browser()
		b.want(b.open("/"), http.StatusOK, "/")
		b.wantOutage("/me")
		b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")

		w.server.Resume(t)
		w.clock.Advance(patience)
		b.signIn("/me", interop.Alice)
	})
}

// TestProviderAway: who is signed in stays so while the access token lives, and
// keeps the session beyond.
func TestProviderAway(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		before := b.read(b.signIn("/me", interop.Alice))
		resume := w.clock.Stop() // not much is left of the access token's life
		w.server.Stop()
		b.me()
		w.clock.Advance(p.Traits.AccessLifetime * 9 / 10)
		if late := b.me(); late.Token != before.Token {
			t.Error("renewed without a provider")
		}
		resume()
		w.clock.Advance(p.Traits.AccessLifetime / 5)
		b.wantOutage("/me")
		if page := b.fetch("/api/me"); page.Status != http.StatusServiceUnavailable {
			t.Errorf("%s", page)
		}

		w.server.Resume(t)
		w.clock.Advance(patience)
		after := b.me()
		if after.Token == before.Token || after.Sub != before.Sub {
			t.Errorf("%+v, was %+v", after, before)
		}
		w.wantRenewals(1)
	})
}

// TestProviderAwayAtLogout: signing out here doesn't wait for the provider.
func TestProviderAwayAtLogout(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		w.server.Stop()
		b.want(b.Fetch(http.MethodPost, w.app.URL+"/auth/logout"), http.StatusOK, "/auth/logout")
		b.want(b.fetch("/auth/session"), http.StatusUnauthorized, "/auth/session")
	})
}

// TestProviderFails: it is there, and answers nonsense. Who is signed in isn't
// signed out by that.
func TestProviderFails(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"500": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "internal error", http.StatusInternalServerError)
		},
		"429":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"a page":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<h1>Down for maintenance</h1>")) },
		"cuts off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) { eachProvider(t, func(t *testing.T, p interop.Provider) { failing(t, p, fault) }) })
	}
}

// TestProviderHangs: the provider takes a request, and never answers.
func TestProviderHangs(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		t.Parallel() // these wait for timeouts
		failing(t, p, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client is gone
			<-r.Context().Done()
		})
	})
}

// failing has the provider fail a renewal, and recover.
func failing(t *testing.T, p interop.Provider, fault http.HandlerFunc) {
	w := newWorld(t, p, nil)
	b := w.browser()
	before := b.read(b.signIn("/me", interop.Alice))
	w.server.Break(fault)
	w.expire()
	b.wantOutage("/me")

	w.server.Mend()
	w.clock.Advance(patience)
	if after := b.me(); after.Token == before.Token || after.Sub != before.Sub {
		t.Errorf("%+v, was %+v", after, before)
	}
	w.wantRenewals(1)
}
