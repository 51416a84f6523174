package interop

import "net/url"

// site is the value of Sec-Fetch-Site, the nearest first. Over redirects it is
// the farthest on the way (Fetch Metadata Request Headers §2.3).
type site int

const (
	siteNone site = iota
	siteSameOrigin
	siteSameSite
	siteCrossSite
)

func (s site) String() string {
	return [...]string{"none", "same-origin", "same-site", "cross-site"}[s]
}

// siteBetween says how far a request is from the origin it was asked for at.
// Hosts here are single names, so that the host is the site; ports don't count.
func siteBetween(origin string, to *url.URL) site {
	from, err := url.Parse(origin)
	switch {
	case origin == "":
		return siteNone
	case err != nil:
		return siteCrossSite
	case from.Scheme == to.Scheme && from.Host == to.Host:
		return siteSameOrigin
	case from.Scheme == to.Scheme && from.Hostname() == to.Hostname():
		return siteSameSite
	}
	return siteCrossSite
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }
