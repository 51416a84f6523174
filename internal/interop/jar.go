package interop

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
)

// jar keeps cookies, and sends them as browsers do: those that are SameSite=Lax,
// or say nothing, don't go along with a POST from another site, or into a frame
// there.
type jar struct {
	store *cookiejar.Jar

	mu        sync.Mutex
	crossSite map[string]bool // cookies that are SameSite=None, by host and name
}

func newJar() (*jar, error) {
	store, err := cookiejar.New(nil)
	return &jar{store: store, crossSite: map[string]bool{}}, err
}

// add puts the cookies into a request whose Sec-Fetch-Site is set.
func (j *jar) add(r *http.Request) {
	lax := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Dest") != "iframe"
	strict := !lax && r.Header.Get("Sec-Fetch-Site") == siteCrossSite.String()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.store.Cookies(trustworthy(r.URL)) {
		if !strict || j.crossSite[cookieKey(r.URL, c)] {
			r.AddCookie(c)
		}
	}
}

// keep stores the cookies of a response.
func (j *jar) keep(res *http.Response) {
	cookies := res.Cookies()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		j.crossSite[cookieKey(res.Request.URL, c)] = c.SameSite == http.SameSiteNoneMode && c.Secure
	}
	j.store.SetCookies(trustworthy(res.Request.URL), cookies)
}

// trustworthy is the address as to cookies: http on loopback counts as https, so
// that Secure ones are kept there (Secure Contexts §3.1).
func trustworthy(u *url.URL) *url.URL {
	if host := u.Hostname(); host != "localhost" && host != "127.0.0.1" {
		return u
	}
	secure := *u
	secure.Scheme = "https"
	return &secure
}

func cookieKey(u *url.URL, c *http.Cookie) string { return u.Hostname() + " " + c.Name }
