package gatehouse

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
)

func (g *Gate) redirectURI() string { return g.config.BaseURL + g.config.AuthPath + "/callback" }

// makeJars binds every cookie to issuer and client, and those of a flow to the
// redirect URI too.
func (g *Gate) makeJars() error {
	c := g.config
	sessionCodec, flowCodec, err := g.makeCodecs(c.SessionKeys)
	mistakes := []error{mistake.From("SessionKeys", err)}
	if err != nil { // with any other key the rest can be looked at
		sessionCodec, flowCodec, _ = g.makeCodecs([]cookie.Key{cookie.NewKey()})
	}
	insecure := isHTTP(c.BaseURL)
	name := orDefault(c.CookieName, "gatehouse-"+tag(c.Issuer, c.ClientID))
	sessionJar := cookie.Config{Name: name, Codec: sessionCodec, InsecureHTTP: insecure, Clock: c.Clock}
	flowJar := cookie.Config{Name: flowName(name, c.AuthPath), Codec: flowCodec, InsecureHTTP: insecure, Clock: c.Clock}
	switch {
	case c.ResponseMode == "form_post" && insecure:
		mistakes = append(mistakes, mistake.Of("ResponseMode", "form_post needs an https BaseURL, because its cookie is SameSite=None; Secure"))
	case c.ResponseMode == "form_post":
		// The callback is then a cross-site POST, which carries no Lax cookie.
		flowJar.SameSite = http.SameSiteNoneMode
	}
	var jar *cookie.Jar
	if g.sessions, err = cookie.New(sessionJar); err == nil {
		jar, err = cookie.New(flowJar)
	}
	mistakes = append(mistakes, mistake.From("CookieName", err))
	if c.CookieCodec != nil && err == nil {
		sessionJar.Codec = c.CookieCodec
		g.sessions, err = cookie.New(sessionJar)
		mistakes = append(mistakes, mistake.From("CookieCodec", err))
	}
	g.flows = &flows{jar: jar, codec: flowCodec}
	return errors.Join(mistakes...)
}

func (g *Gate) makeCodecs(keys []cookie.Key) (session, flow *cookie.Codec, err error) {
	c := g.config
	if session, err = cookie.NewCodec(keys, "session", c.Issuer, c.ClientID); err != nil {
		return nil, nil, err
	}
	flow, err = cookie.NewCodec(keys, "flow", c.Issuer, c.ClientID, g.redirectURI())
	return session, flow, err
}

// makeVault decides where sessions are kept.
func (g *Gate) makeVault() vault {
	c := g.config
	opened := newOpened(c.RememberedSessions)
	reader := reader{gate: g, idle: c.IdleTimeout, clock: c.Clock}
	if c.Store == nil {
		return &cookieVault{jar: g.sessions, opened: opened, shared: c.CookieCodec != nil, reader: reader}
	}
	return &storeVault{jar: g.sessions, opened: opened, reader: reader, store: sturdy{c.Store}, naming: g.names.session, lifetime: c.SessionLifetime}
}

// flowName is the base name of flow cookies. Two gates of one client at different paths of
// one host share their session, and can't read each other's flows, which each would take
// for junk.
func flowName(session, authPath string) string {
	if authPath != defaultAuthPath {
		session += "-" + tag(authPath, "")[:4]
	}
	return session + "-flow"
}

// tag tells deployments on one host apart.
func tag(issuer, clientID string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(issuer), issuer, clientID))
	return hex.EncodeToString(sum[:4])
}

func isHTTP(baseURL string) bool { return strings.HasPrefix(baseURL, "http:") }
