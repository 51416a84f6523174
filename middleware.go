package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
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
	outdated  outdated   // what no answer may bring back
	renewals  *refresh.Group
	patience  time.Duration  // with renewals
	moments   *refresh.Group // what is done once for requests at the same time
	policy    *rbac.Resolver
	pages     *pages
	endpoints endpoints
	challenge string    // WWW-Authenticate of a 401
	bearers   *bearers  // nil where no access tokens are accepted
	calls               // to other services
	metadata  *metadata // nil where none is served
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
		config:   config,
		patience: patience,
		log:      config.Logger,
		names:    names{config.Issuer, config.ClientID},
		remote:   remote,
		spent:    spent.New(spentFlows, config.Clock),

		outdated: newOutdated(),
	}
	g.provider, err = oidc.NewClient(g.providerConfig())
	note(err)
	g.policy, err = config.Policy.Compile()
	note(mistake.From("Policy", err))
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
	g.endpoints = g.makeEndpoints()
	note(g.checkPage("AfterLogin", config.AfterLogin))
	note(g.checkPage("AfterLogout", config.AfterLogout))
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
	if err := g.watches.subscribe(config); err != nil {
		return nil, fmt.Errorf("gatehouse: %w", err)
	}
	g.config.ClientSecret = "" // the provider's client keeps it where nothing prints it

	g.challenge = g.signInChallenge(g.loginPath(""))
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
		IssuerAudience: g.config.IssuerAudience,
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

// Ready reports whether the provider can be used: its discovery document and
// keys are there. It asks for them if they aren't yet. Store, Revocations and
// Coordinator of [Config] that have a method Ready(ctx) error are asked as well.
// Further issuers of [Config.API] aren't, because one that is away keeps nobody out
// but who has its tokens; of a Gate made by [NewResourceServer] it is the keys of
// all issuers that must be there. For readiness probes; an application serves
// signed-in users while the provider is away, and nobody while the store is. Once a
// process has read what the provider publishes it stays ready while that is away; one
// that starts then isn't.
func (g *Gate) Ready(ctx context.Context) error {
	if g.provider == nil {
		return g.bearers.verifier.Ready(ctx)
	}
	mistakes := make([]error, 1+len(g.remote))
	var all sync.WaitGroup // at once: who doesn't answer takes no time of the others'
	all.Go(func() { mistakes[0] = g.provider.Ready(ctx) })
	for i, part := range g.remote {
		all.Go(func() { mistakes[1+i] = mistake.From(part.field, part.ask(ctx)) })
	}
	all.Wait()
	return errors.Join(mistakes...)
}

// Close waits for the renewals that are under way and refuses new ones. Call it
// after the HTTP server has shut down.
func (g *Gate) Close() error {
	mistakes := []error{g.watches.close()}
	g.denials.close()
	mistakes = append(mistakes, g.moments.Close(), g.renewals.Close(), g.flights.Close())
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

// serve establishes and then runs next. For programs a 401 says which access tokens are
// accepted, too.
func (g *Gate) serve(w http.ResponseWriter, r *http.Request, next http.Handler, program bool) {
	w, r = g.establish(w, r, program)
	if program {
		g.visit(r.Context()).api = true
	}
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
	header := w.Header()
	before := len(header["Set-Cookie"])
	found, err := g.open(r)
	switch {
	case found != nil:
		v.identity, v.failure = g.admitRequest(w, r, found)
		v.headers(header)
	case err != nil:
		v.failure = err
		v.headers(header)
	default:
		g.clearGone(w, r)
	}
	if set := header["Set-Cookie"]; len(set) > before {
		session, kept := g.carriedName(r, found), v.identity
		w = &uncached{
			ResponseWriter: w,
			cookies:        slices.Clone(set[before:]),
			late:           func() bool { return g.outdated.late(session, kept) },
		}
	}
	return w, r.WithContext(v)
}

// clearGone has a browser on its way to a page forget the key to a session that the
// store keeps no longer, so that nobody looks for it again. A cookie that can't be
// opened says nothing of a session, and may be one of a process with newer keys.
func (g *Gate) clearGone(w http.ResponseWriter, r *http.Request) {
	if g.sessions == nil || !fetchmeta.TopLevel(r) {
		return
	}
	if text, err := g.sessions.Text(r); err == nil && g.vault.name(text) != "" {
		g.sessions.Clear(w, r)
	}
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
		g.sessions.Clear(w, r) // which takes back what was set
		g.refuseRevoked(w, r, kept)
		return nil, nil
	}
	return kept, nil
}

// refuseRevoked ends what is left of a session that was revoked. Only a visit to a page
// clears its cookie: what a script asks for may be answered after the sign-in at another
// replica that has put another session in its place.
func (g *Gate) refuseRevoked(w http.ResponseWriter, r *http.Request, who *Identity) {
	g.logEnd(r.Context(), who.session(), "revoked")
	if fetchmeta.TopLevel(r) {
		g.sessions.Clear(w, r)
	}
	g.endKept(r, who.session())
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

// carriedName is what the session of a request is known as, who it is, also where the
// store keeps it no longer; "" where there is none.
func (g *Gate) carriedName(r *http.Request, who *Identity) string {
	if who != nil {
		return who.sessionName()
	}
	text, err := g.sessions.Text(r)
	if err != nil {
		return ""
	}
	return g.vault.name(text)
}

// carriesSession reports whether a request has a session cookie, good or not.
func (g *Gate) carriesSession(r *http.Request) bool {
	if g.sessions == nil {
		return false
	}
	_, err := g.sessions.Text(r)
	return !errors.Is(err, cookie.ErrNoCookie)
}
