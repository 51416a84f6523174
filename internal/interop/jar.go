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
	for _, c := range j.store.Cookies(r.URL) {
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
	j.store.SetCookies(res.Request.URL, cookies)
}

func cookieKey(u *url.URL, c *http.Cookie) string { return u.Hostname() + " " + c.Name }
