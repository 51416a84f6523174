package gatehouse_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gorilla/securecookie"
)

// carrying is a browser that has one cookie, under the session's name.
func carrying(w *world, value string) *browser {
	name := sessionCookies(w.browser().signIn().cookies())[0].Name
	b := w.browser()
	b.keep([]*http.Cookie{{Name: name, Value: value}})
	return b
}

// One kind of cookie never serves as another.
func flowCookieAsSession(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	b.get("/me").want(t, http.StatusFound)
	carrying(w, flowCookies(b.cookies())[0].Value).fetch("/me").want(t, http.StatusUnauthorized)
}

func sessionCookieAsFlow(t *testing.T) {
	w := newWorld(t, setup{})
	session := sessionCookies(w.browser().signIn().cookies())[0].Value
	b := w.browser()
	callback := b.callback("/me")
	flow := flowCookies(b.cookies())[0]
	flow.Value = session
	b.keep([]*http.Cookie{flow})
	b.get(callback).want(t, http.StatusBadRequest)
}

func stateAsSession(t *testing.T) {
	w := newWorld(t, setup{})
	state := parse(t, w.browser().get("/me").location(t)).Query().Get("state")
	carrying(w, state).fetch("/me").want(t, http.StatusUnauthorized)
}

// The same keys in two deployments: each has its own sessions, also where the cookies
// are sealed by a codec that doesn't know of deployments.
func cookieOfAnotherDeployment(t *testing.T) {
	keys := []cookie.Key{cookie.NewKey()}
	for sealed, codec := range map[string]securecookie.Codec{
		"by ours": nil,
		"by gorilla's": securecookie.New(securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32)).
			SetSerializer(securecookie.NopEncoder{}).MaxLength(0),
	} {
		alike := func(c *gatehouse.Config) {
			c.SessionKeys, c.CookieName, c.CookieCodec = keys, "session-gatehouse", codec
		}
		one := newWorld(t, setup{gate: alike})
		for name, change := range map[string]func(*gatehouse.Config){
			"another issuer": func(*gatehouse.Config) {},
			"another client": func(c *gatehouse.Config) { c.Issuer, c.ClientID = one.idp.URL, "other" },
		} {
			two := newWorld(t, setup{gate: func(c *gatehouse.Config) {
				alike(c)
				change(c)
			}})
			b := two.browser()
			b.keep(sessionCookies(one.browser().signIn().cookies()))
			if res := b.fetch("/me"); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, sealed %s: %d", name, sealed, res.StatusCode)
			}
		}
	}
}

// A flow that was begun for one issuer is none of another's, although keys, client and
// address are the same and neither says iss: the code of the one would be shown to the
// other (RFC 9700 §4.4).
func flowOfAnotherIssuer(t *testing.T) {
	keys := []cookie.Key{cookie.NewKey()}
	same := func(c *gatehouse.Config) {
		c.SessionKeys, c.CookieName, c.BaseURL = keys, "session-gatehouse", "http://localhost:1"
	}
	one, two := newWorld(t, setup{gate: same}), newWorld(t, setup{gate: same})
	onDiscovery("authorization_response_iss_parameter_supported", nil)(two)
	b := one.browser()
	answered := parse(t, b.callback("/me")).Query()
	answered.Del("iss")
	other := two.browser()
	other.keep(flowCookies(b.cookies()))
	res := other.get("/auth/callback?"+answered.Encode()).want(t, http.StatusBadRequest)
	if len(sessionCookies(res.Cookies())) != 0 || two.provider.Calls(oidctest.Token) != 0 {
		t.Errorf("the code is shown to another issuer: %s", res.body)
	}
}

// large has sessions that need several cookies.
func large(w *world, subject string) []*http.Cookie {
	var noise strings.Builder
	for range 300 {
		noise.WriteString(rand.Text()) // which no compression shortens
	}
	w.provider.SignIn(oidctest.User{Subject: subject, Claims: map[string]any{"picture": noise.String()}})
	return sessionCookies(w.browser().signIn().cookies())
}

func splicedCookies(t *testing.T) {
	w := newWorld(t, setup{})
	one, two := large(w, "one"), large(w, "two")
	if len(one) < 2 || len(one) != len(two) {
		t.Fatalf("%d and %d cookies", len(one), len(two))
	}
	for i := range one {
		mixed := append([]*http.Cookie{}, one...)
		mixed[i] = two[i]
		b := w.browser()
		b.keep(mixed)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	}
}

// A sibling host can set cookies of any name that has no __Host- prefix, and a
// browser then sends both. Neither is believed, and nothing breaks.
func tossedCookies(t *testing.T) {
	w := newWorld(t, setup{})
	own := sessionCookies(w.browser().signIn().cookies())[0]
	for _, pair := range []string{own.Value + "; " + own.Name + "=junk", "junk; " + own.Name + "=" + own.Value} {
		b := w.browser()
		b.send(http.MethodGet, "/me", with(fetching, "Cookie", own.Name+"="+pair), "").want(t, http.StatusUnauthorized)
	}
}

// A sibling host can set a cookie of any name that browsers don't take for one with a
// __Host- prefix, such as one behind white space that isn't ASCII. It is another cookie:
// it signs nobody in, begins no sign-in, and keeps nobody from their own session.
func namesBehindWhiteSpace(t *testing.T) {
	w := newWorld(t, setup{tls: true})
	own := sessionCookies(w.browser().signIn().cookies())[0]
	attacker := w.browser()
	callback := attacker.callback("/me")
	flow := flowCookies(attacker.cookies())[0]
	for _, space := range []string{"\u0085", "\u00a0", "\u1680", "\u2000", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"} {
		tossed := space + own.Name + "=" + own.Value
		for header, want := range map[string]int{
			tossed:                             http.StatusUnauthorized,
			"a=b; " + tossed:                   http.StatusUnauthorized,
			own.Name + "=" + own.Value + space: http.StatusUnauthorized,
			tossed + "; " + own.Name + "=" + own.Value: http.StatusOK,
			" \t" + own.Name + "=" + own.Value:         http.StatusOK, // which RFC 6265 has servers pass over, and browsers too
		} {
			w.browser().send(http.MethodGet, "/me", with(fetching, "Cookie", header), "").want(t, want)
		}
		res := w.browser().send(http.MethodGet, callback, with(navigation, "Cookie", space+flow.Name+"="+flow.Value), "").want(t, http.StatusBadRequest)
		if len(sessionCookies(res.Cookies())) != 0 {
			t.Errorf("%q: signed in by another's callback", space)
		}
	}
}

// A count of pieces that an attacker wrote is believed by nobody.
func piecesWithoutEnd(t *testing.T) {
	w := newWorld(t, setup{})
	name := sessionCookies(w.browser().signIn().cookies())[0].Name
	for _, first := range []string{"~8", "~9", "~99999999", "~", "~0", "~-1", "8.", "~8" + strings.Repeat("a", 4000)} {
		header := name + "=" + first
		for i := range 60 {
			header += fmt.Sprintf("; %s.%d=%s", name, i, strings.Repeat("a", 1000))
		}
		w.browser().send(http.MethodGet, "/me", with(fetching, "Cookie", header), "").want(t, http.StatusUnauthorized)
	}
}

func cookieFlood(t *testing.T) {
	w := newWorld(t, setup{})
	name := sessionCookies(w.browser().signIn().cookies())[0].Name
	var flood strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&flood, "%s-flow-%08d=aaaaaaaaaaaaaaaa; %s=%d; ", name, i, name, i)
	}
	res := w.browser().send(http.MethodGet, "/me", with(navigation, "Cookie", flood.String()), "").want(t, http.StatusFound)
	if got := len(res.Header["Set-Cookie"]); got > 80 {
		t.Errorf("%d cookies are set in answer", got)
	}
}

// A header of a million semicolons is half a million cookies. It keeps nobody from
// their session, and a sign-in doesn't go through it for each flow.
func cookiesWithoutEnd(t *testing.T) {
	w := newWorld(t, setup{})
	own := sessionCookies(w.browser().signIn().cookies())[0]
	var flows strings.Builder
	for i := range 64 {
		fmt.Fprintf(&flows, "%s-flow-%08d=a; ", own.Name, i)
	}
	for _, other := range []string{";", "a;", "a=b; "} {
		header := strings.Repeat(other, 900_000/len(other)) + flows.String()
		w.browser().send(http.MethodGet, "/me", with(fetching, "Cookie", header+own.Name+"="+own.Value), "").want(t, http.StatusOK)
		res := w.browser().send(http.MethodGet, "/me", with(navigation, "Cookie", header), "").want(t, http.StatusFound)
		if got := len(flowCookies(res.Cookies())); got != 65 {
			t.Errorf("%d flows are set or cleared", got)
		}
	}
}
