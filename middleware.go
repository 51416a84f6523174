package gatehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/probe"
	"github.com/gatehouse-go/gatehouse/internal/spent"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// Gate signs people in at one provider, for one client, and guards handlers.
// Make one with [New] and share it: it is safe for concurrent use.
type Gate struct {
	config    Config
	log       *slog.Logger
	provider  *oidc.Client
	sessions  *cookie.Jar
	vault     vault
	names     names
	denials   *denials
	watches   *watches
	directory *directory
	remote    []remote // what Ready asks besides the provider
	foreign   *crossOrigin
	flows     *flows
	spent     *spent.Set // flows whose callback was used
	renewals  *refresh.Group
	moments   *refresh.Group // what is done once for requests at the same time
	policy    *rbac.Resolver
	pages     *pages
	endpoints map[string]http.HandlerFunc // by path
	challenge string                      // WWW-Authenticate of a 401
	bearers   *bearers                    // nil where no access tokens are accepted
	calls                                 // to other services
	metadata  *metadata                   // nil where none is served
}

// New makes a Gate. It does no network I/O: the provider is discovered when it
// is first needed, and the application starts while it is down. The error joins
// every mistake in the configuration, each naming its field.
func New(config Config) (*Gate, error) {
	remote := config.remote()
	config, err := config.withDefaults()
	mistakes := []error{err}
	note := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}

	g := &Gate{
		config: config,
		log:    config.Logger,
		names:  names{config.Issuer, config.ClientID},
		remote: remote,
		spent:  spent.New(spentFlows, config.Clock),
	}
	g.provider, err = oidc.NewClient(g.providerConfig())
	note(err)
	g.policy, err = config.Policy.Compile()
	note(prefixed("Policy", err))
	g.renewals, err = refresh.New(refresh.Config{
		Leeway:      max(config.RefreshLeeway, 0), // a negative one is noted
		Coordinator: config.Coordinator,
		Clock:       config.Clock,
	})
	note(err)
	g.moments, err = refresh.New(refresh.Config{Clock: config.Clock})
	note(err)
	note(g.makeCalls(g.provider))
	g.pages, err = newPages(config.BaseURL, config.AuthPath)
	note(err)
	note(g.makeJars())
	note(g.makeBearers())
	g.foreign, err = newCrossOrigin(config)
	note(err)
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("gatehouse: invalid configuration:\n%w", err)
	}
	g.vault = g.makeVault()
	if g.directory, err = newDirectory(config); err != nil {
		return nil, fmt.Errorf("gatehouse: %w", err)
	}
	g.denials = newDenials(config)
	g.watches = newWatches(g.denials, g.vault, config)
	g.config.ClientSecret = "" // the provider's client keeps it where nothing prints it

	// A 401 has a challenge (RFC 9110 §15.5.2); this one is of
	// draft-broyer-http-cookie-auth.
	g.challenge = fmt.Sprintf("Cookie realm=%q, form-action=%q, cookie-name=%q",
		config.BaseURL, g.loginPath(""), g.sessions.Name())
	g.endpoints = map[string]http.HandlerFunc{
		config.AuthPath + "/login":    g.serveLogin,
		config.AuthPath + "/callback": g.serveCallback,
		config.AuthPath + "/logout":   g.serveLogout,
		config.AuthPath + "/session":  g.serveSession,
		config.AuthPath + "/sessions": g.serveSessions,

		config.AuthPath + "/backchannel-logout":  g.serveBackchannelLogout,
		config.AuthPath + "/frontchannel-logout": g.serveFrontchannelLogout,
	}
	return g, nil
}

// spentFlows bounds the memory of used flows. One is remembered for as long as
// its cookie could be replayed.
const spentFlows = 10_000

func (g *Gate) providerConfig() oidc.Config {
	return oidc.Config{
		Issuer:         g.config.Issuer,
		ClientID:       g.config.ClientID,
		ClientSecret:   g.config.ClientSecret,
		RedirectURL:    g.redirectURI(),
		Scopes:         g.config.Scopes,
		SkipConsent:    g.config.SkipConsent,
		ClientKey:      g.config.ClientKey,
		ClientAuth:     g.config.ClientAuth,
		SigningAlgs:    g.config.SigningAlgs,
		ResponseMode:   g.config.ResponseMode,
		PushedRequests: g.config.PushedRequests,
		SkipUserinfo:   g.config.SkipUserinfo,
		HTTPClient:     g.config.HTTPClient,
		Logger:         g.config.Logger,
		Clock:          g.config.Clock,
		InsecureHTTP:   g.config.InsecureHTTP,
	}
}

func (g *Gate) redirectURI() string { return g.config.BaseURL + g.config.AuthPath + "/callback" }

// makeJars binds every cookie to issuer and client, and those of a flow to the
// redirect URI too.
func (g *Gate) makeJars() error {
	c := g.config
	sessionCodec, flowCodec, err := g.makeCodecs(c.SessionKeys)
	mistakes := []error{prefixed("SessionKeys", err)}
	if err != nil { // with any other key the rest can be looked at
		sessionCodec, flowCodec, _ = g.makeCodecs([]cookie.Key{cookie.NewKey()})
	}
	insecure := isHTTP(c.BaseURL)
	name := orDefault(c.CookieName, "gatehouse-"+tag(c.Issuer, c.ClientID))
	sessionJar := cookie.Config{Name: name, Codec: sessionCodec, InsecureHTTP: insecure, Clock: c.Clock}
	flowJar := cookie.Config{Name: name + "-flow", Codec: flowCodec, InsecureHTTP: insecure, Clock: c.Clock}
	switch {
	case c.ResponseMode == "form_post" && insecure:
		mistakes = append(mistakes, mistake("ResponseMode", "form_post needs an https BaseURL, because its cookie is SameSite=None; Secure"))
	case c.ResponseMode == "form_post":
		// The callback is then a cross-site POST, which carries no Lax cookie.
		flowJar.SameSite = http.SameSiteNoneMode
	}
	var jar *cookie.Jar
	if g.sessions, err = cookie.New(sessionJar); err == nil {
		jar, err = cookie.New(flowJar)
	}
	mistakes = append(mistakes, prefixed("CookieName", err))
	if c.CookieCodec != nil && err == nil {
		sessionJar.Codec = c.CookieCodec
		g.sessions, err = cookie.New(sessionJar)
		mistakes = append(mistakes, prefixed("CookieCodec", err))
	}
	g.flows = &flows{jar: jar, codec: flowCodec, clock: c.Clock}
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
		return &cookieVault{jar: g.sessions, opened: opened, reader: reader}
	}
	return &storeVault{jar: g.sessions, opened: opened, reader: reader, store: c.Store, naming: g.names.session, lifetime: c.SessionLifetime}
}

// tag tells deployments on one host apart.
func tag(issuer, clientID string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(issuer), issuer, clientID))
	return hex.EncodeToString(sum[:4])
}

func prefixed(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", field, err)
}

// Ready reports whether the provider can be used: its discovery document and
// keys are there. It asks for them if they aren't yet. Store, Revocations and
// Coordinator of [Config] that have a method Ready(ctx) error are asked as well.
// Further issuers of [Config.API] aren't, because one that is away keeps nobody out
// but who has its tokens; of a Gate made by [NewResourceServer] it is the keys of
// all issuers that must be there. For readiness probes; an application serves
// signed-in users while the provider is away, and nobody while the store is.
func (g *Gate) Ready(ctx context.Context) error {
	if g.provider == nil {
		return g.bearers.verifier.Ready(ctx)
	}
	mistakes := []error{g.provider.Ready(ctx)}
	for _, part := range g.remote {
		mistakes = append(mistakes, prefixed(part.field, part.Ready(ctx)))
	}
	return errors.Join(mistakes...)
}

// Close waits for the renewals that are under way and refuses new ones. Call it
// after the HTTP server has shut down.
func (g *Gate) Close() error {
	g.watches.close()
	g.denials.close()
	mistakes := []error{g.moments.Close(), g.renewals.Close(), g.flights.Close()}
	if g.bearers != nil {
		mistakes = append(mistakes, g.bearers.verifier.Close())
	}
	if g.credentials != nil { // the provider's client, or the one of a resource server
		mistakes = append(mistakes, g.credentials.Close())
	}
	return errors.Join(mistakes...)
}

// Wrap establishes the identity of every request from its session cookie, and
// renews expiring tokens before next runs. Requests to the endpoints below
// [Config.AuthPath] are answered by the library; all others reach next, whether
// somebody is signed in or not.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.serveEndpoint(w, r) {
			g.serve(w, r, next, false)
		}
	})
}

// Identify is Wrap without the endpoints, for a part of an application whose
// other parts have them. It never refuses.
func (g *Gate) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.serve(w, r, next, false)
	})
}

// Endpoints serves what is below [Config.AuthPath], such as login and callback,
// for routers whose groups never see those paths; anything else is a 404.
// [Gate.Wrap] includes it.
func (g *Gate) Endpoints() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.serveEndpoint(w, r) && !probe.Stop(r.Context()) {
			g.Fail(w, r, &Error{Status: http.StatusNotFound, Message: "There is nothing here."})
		}
	})
}

// serveEndpoint answers a request to an endpoint of ours. Most of them set
// cookies, so none of their answers may be cached.
func (g *Gate) serveEndpoint(w http.ResponseWriter, r *http.Request) bool {
	if g.metadata.serve(w, r) {
		probe.Stop(r.Context())
		return true
	}
	endpoint, ok := g.endpoints[r.URL.Path]
	if ok && !probe.Stop(r.Context()) {
		endpoint(&uncached{ResponseWriter: w}, r)
	}
	return ok
}

// serve establishes and then runs next.
func (g *Gate) serve(w http.ResponseWriter, r *http.Request, next http.Handler, program bool) {
	w, r = g.establish(w, r, program)
	if answer, ok := w.(*uncached); ok {
		defer answer.seal() // of a handler that wrote nothing, or panicked
	}
	next.ServeHTTP(w, r)
}

// establish reads the session, keeps it fresh, and returns the request that
// carries what it found. The cookie, if one is to be set, is set before the
// handler runs.
func (g *Gate) establish(w http.ResponseWriter, r *http.Request, program bool) (http.ResponseWriter, *http.Request) {
	if v := g.visit(r.Context()); v != nil {
		if program && !v.program {
			again := *v
			again.Context, again.program = r.Context(), true
			r = r.WithContext(&again)
		}
		return w, r
	}
	v := &visit{Context: r.Context(), gate: g, target: pageOf(r), program: program || g.provider == nil}
	found, err := g.open(r)
	if found != nil || err != nil {
		header := w.Header()
		before := len(header["Set-Cookie"])
		v.identity, v.failure = nil, err
		if found != nil {
			v.identity, v.failure = g.admitRequest(w, r, found)
		}
		v.headers(header)
		if set := header["Set-Cookie"]; len(set) > before {
			w = &uncached{ResponseWriter: w, cookies: slices.Clone(set[before:])}
		}
	}
	return w, r.WithContext(v)
}

// admitRequest lets a request be its session's owner's, unless a page of another
// origin sent it. It is then nobody's: gates refuse it, and the session neither
// slides nor is renewed.
func (g *Gate) admitRequest(w http.ResponseWriter, r *http.Request, who *Identity) (*Identity, error) {
	if err := g.foreign.check(r); err != nil {
		g.event(r.Context(), slog.LevelWarn, "cross-origin request", "refused", err.Error(), who.session())
		return nil, forged(err)
	}
	return g.admitSession(w, r, who)
}

// admitSession lets a session in that wasn't revoked, and keeps it fresh. One
// that was revoked while it was renewed is not let in either.
func (g *Gate) admitSession(w http.ResponseWriter, r *http.Request, who *Identity) (*Identity, error) {
	switch denied, err := g.denials.denied(r.Context(), who); {
	case denied:
		g.refuseRevoked(w, r, who)
		return nil, nil
	case err != nil:
		return g.withoutDenials(who, err)
	}
	kept, err := g.keep(w, r, who)
	if kept == nil || kept == who {
		return kept, err
	}
	if denied, _ := g.denials.denied(r.Context(), kept); denied {
		g.refuseRevoked(w, r, kept)
		return nil, nil
	}
	return kept, nil
}

func (g *Gate) refuseRevoked(w http.ResponseWriter, r *http.Request, who *Identity) {
	g.logSession(r.Context(), "session ended", who.session(), "revoked")
	g.forget(w, r, who.session())
}

// withoutDenials decides about a session while nobody can say whether it was
// revoked. It is served as it is, if at all.
func (g *Gate) withoutDenials(who *Identity, err error) (*Identity, error) {
	if who.session().place.ticket == nil && !g.dead(who.session(), 0) && g.denials.lenient() {
		return who, nil
	}
	return nil, err
}

// open returns whose session a request carries, or nil: a cookie that isn't
// right, for whatever reason, is no cookie. An error says that nobody can know
// now.
func (g *Gate) open(r *http.Request) (*Identity, error) {
	if g.sessions == nil {
		return nil, nil
	}
	text, err := g.sessions.Text(r)
	if err != nil {
		return nil, nil
	}
	return g.vault.open(r.Context(), text)
}

// carriesSession reports whether a request has a session cookie, good or not.
func (g *Gate) carriesSession(r *http.Request) bool {
	if g.sessions == nil {
		return false
	}
	_, err := g.sessions.Text(r)
	return !errors.Is(err, cookie.ErrNoCookie)
}

// RequireLogin lets in whoever is signed in. Others are sent to sign in, and
// come back to the page they asked for, when a browser navigates; programs,
// fetch() calls and forms get a 401.
func (g *Gate) RequireLogin(next http.Handler) http.Handler {
	return g.Require(rbac.SignedIn())(next)
}

// Require lets in whoever satisfies every rule. Who isn't signed in is treated
// as by [Gate.RequireLogin]; who is, and still doesn't satisfy them, gets a 403,
// or signs in again where that is all that [rbac.ACR] or [rbac.MaxAge] want.
// Without rules, or with a nil one, nobody gets in.
func (g *Gate) Require(rules ...rbac.Rule) func(http.Handler) http.Handler {
	rule := together(rules)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who := g.identity(r.Context())
			if who == nil && probe.Stop(r.Context()) {
				return
			}
			decision := rule.Check(who.subjectFor(g), g.config.Clock())
			if decision.Outcome != rbac.True {
				g.refuse(w, r, who, rule, decision)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// together is one rule out of several.
func together(rules []rbac.Rule) rbac.Rule {
	if len(rules) == 1 && rules[0] != nil {
		return rules[0]
	}
	return rbac.All(rules...)
}

// Allows reports whether whoever asks satisfies the rule, for handlers that
// show more to some than to others.
func (g *Gate) Allows(ctx context.Context, rule rbac.Rule) bool {
	if rule == nil {
		return false
	}
	return rule.Check(g.identity(ctx).subjectFor(g), g.config.Clock()).Outcome == rbac.True
}

var errNoEstablisher = errors.New("gatehouse: a gate was reached without Wrap, Identify or API in front of it")

// refuse turns a denial into the answer that leads on.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, who *Identity, rule rbac.Rule, denial rbac.Decision) {
	v := g.visit(r.Context())
	switch {
	case who != nil:
		g.logDenial(r, who, rule, denial)
		g.refuseKnown(w, r, v, who, denial)
	case v == nil:
		g.Fail(w, r, &Error{Status: http.StatusInternalServerError, Cause: errNoEstablisher})
	case v.failure != nil:
		g.Fail(w, r, v.failure)
	default:
		g.challengeAnonymous(w, r, v)
	}
}

// refuseKnown refuses somebody who is signed in.
func (g *Gate) refuseKnown(w http.ResponseWriter, r *http.Request, v *visit, who *Identity, denial rbac.Decision) {
	if len(denial.ACR) > 0 || denial.MaxAge > 0 {
		g.stepUp(w, r, v, who, denial)
		return
	}
	if failure := lackingScope(v, who, denial); failure != nil {
		g.Fail(w, r, failure)
		return
	}
	g.Fail(w, r, &Error{
		Status:  http.StatusForbidden,
		Message: "You are signed in, but your account does not have access to this page.",
		Link:    g.switchPath(targetOf(v, r)),
	})
}

func targetOf(v *visit, r *http.Request) string {
	if v != nil {
		return v.target
	}
	return pageOf(r)
}

// pageOf is where the browser is, by the path that it asked for: r.URL has lost
// some of it below http.StripPrefix.
func pageOf(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

func isHTTP(baseURL string) bool { return strings.HasPrefix(baseURL, "http:") }
