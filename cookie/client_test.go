package cookie_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
)

// site keeps what is posted to it in the visitor's cookies.
func site(t *testing.T, j *cookie.Jar) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		value, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := j.Set(w, r, value, now.Add(time.Hour)); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		value, err := j.Get(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(value)
	})
	mux.HandleFunc("DELETE /", j.Clear)
	return mux
}

// visitor is an http.Client with cookies, and what the last answer set.
type visitor struct {
	t      *testing.T
	client *http.Client
	url    *url.URL
	set    []*http.Cookie
}

func visit(t *testing.T, server *httptest.Server) *visitor {
	t.Helper()
	kept, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.Jar = kept
	base := server.URL
	if server.TLS != nil { // a name, because loopback addresses count as secure over http
		base = "https://example.com"
	}
	at, err := url.Parse(base + "/deep/path?x=y")
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, client: client, url: at}
}

func (v *visitor) do(method string, body []byte) (int, []byte) {
	v.t.Helper()
	r, err := http.NewRequest(method, v.url.String(), bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.set = res.Cookies()
	return res.StatusCode, got
}

// kept are the names of the cookies that the client has.
func (v *visitor) kept() (names []string) {
	for _, c := range v.client.Jar.Cookies(v.url) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

func TestClient(t *testing.T) {
	for _, c := range []struct {
		name     string
		tls      bool
		config   cookie.Config
		base     string
		sameSite http.SameSite
	}{
		{"https", true, cookie.Config{}, "__Host-session", http.SameSiteLaxMode},
		{"https, cross-site", true, cookie.Config{SameSite: http.SameSiteNoneMode}, "__Host-session", http.SameSiteNoneMode},
		{"http on loopback", false, cookie.Config{InsecureHTTP: true}, "session", http.SameSiteLaxMode},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := httptest.NewServer
			if c.tls {
				start = httptest.NewTLSServer
			}
			server := start(site(t, jar(t, c.config)))
			defer server.Close()
			v := visit(t, server)
			if status, _ := v.do(http.MethodGet, nil); status != http.StatusUnauthorized {
				t.Errorf("a first visit: %d", status)
			}
			for _, step := range []struct{ size, pieces int }{{9_000, 3}, {24_000, 8}, {100, 1}, {9_000, 3}} {
				value := random(step.size)
				if status, body := v.do(http.MethodPost, value); status != http.StatusOK {
					t.Fatalf("%d bytes: %d %s", step.size, status, body)
				}
				for _, set := range v.set {
					if !set.HttpOnly || set.Secure != c.tls || set.SameSite != c.sameSite || set.Path != "/" || set.Domain != "" || set.Unparsed != nil {
						t.Errorf("attributes of %s", set.Raw[strings.LastIndex(set.Raw, set.Value)+len(set.Value):])
					}
					if removed := set.MaxAge < 0; removed != (set.Value == "") || (!removed && set.MaxAge != 3600) {
						t.Errorf("%s has %d bytes for %d seconds", set.Name, len(set.Value), set.MaxAge)
					}
				}
				want := []string{c.base}
				for i := 1; i < step.pieces; i++ {
					want = append(want, c.base+"."+strconv.Itoa(i))
				}
				if got := v.kept(); !slices.Equal(got, want) {
					t.Errorf("%d bytes: the client has %v, want %v", step.size, got, want)
				}
				if status, got := v.do(http.MethodGet, nil); status != http.StatusOK || !bytes.Equal(got, value) {
					t.Errorf("%d bytes: %d, %d bytes", step.size, status, len(got))
				}
			}
			if status, _ := v.do(http.MethodPost, random(30_000)); status != http.StatusRequestEntityTooLarge || len(v.set) != 0 || len(v.kept()) != 3 {
				t.Errorf("too large: %d, set %v, kept %v", status, v.set, v.kept())
			}
			v.do(http.MethodDelete, nil)
			if got := v.kept(); len(got) != 0 {
				t.Errorf("after Clear the client has %v", got)
			}
		})
	}
}

// TestSecureStaysOffHTTP: what https set is not sent over http.
func TestSecureStaysOffHTTP(t *testing.T) {
	server := httptest.NewTLSServer(site(t, jar(t, cookie.Config{})))
	defer server.Close()
	v := visit(t, server)
	v.do(http.MethodPost, []byte("x"))
	if len(v.kept()) != 1 {
		t.Errorf("the client has %v", v.kept())
	}
	v.url.Scheme = "http"
	if got := v.kept(); len(got) != 0 {
		t.Errorf("over http it would send %v", got)
	}
}
