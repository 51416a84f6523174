package conformance_test

import (
	"cmp"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/internal/interop/conformance"
	"github.com/gatehouse-go/gatehouse/oidc"
)

// plan is a plan of the suite's.
type plan struct {
	name    string
	variant conformance.Variant // what the plan leaves to choose
	client  map[string]string   // addresses of the application's that it asks for
	want    map[string]string   // results that differ from those of [modules]
}

// choices are made for every plan, unless it makes them itself: requests go through
// the browser, and the client is registered beforehand.
func choices(more conformance.Variant) conformance.Variant {
	made := conformance.Variant{"request_type": "plain_http_request", "client_registration": "static_client"}
	maps.Copy(made, more)
	return made
}

var (
	basic = conformance.Variant{"client_auth_type": "client_secret_basic", "response_mode": "default"}
	code  = as("client_secret_basic", "default")
	// Of these the suite makes ids and secrets of every character there may be.
	registered = conformance.Variant{"client_registration": "dynamic_client"}
)

func plus(a, b conformance.Variant) conformance.Variant {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

func as(auth, mode string) conformance.Variant {
	return conformance.Variant{"client_auth_type": auth, "response_mode": mode, "response_type": "code"}
}

// plans are those of a relying party of the code flow.
var plans = []plan{
	{name: "oidcc-client-basic-certification-test-plan"},
	{name: "oidcc-client-formpost-basic-certification-test-plan"},
	{name: "oidcc-client-config-certification-test-plan", variant: basic},
	{name: "oidcc-client-basic-certification-test-plan", variant: registered},
	// It can't be run with a client that is registered beforehand: the suite takes it to
	// have begun before it has.
	{name: "oidcc-client-test-3rd-party-init-login-test-plan", variant: plus(code, registered), client: map[string]string{
		"initiate_login_uri": "/auth/login",
	}},
	{name: "oidcc-client-rp-initiated-logout-rp-basic", variant: basic, client: map[string]string{
		"post_logout_redirect_uri": "/", "backchannel_logout_uri": "/auth/backchannel-logout",
	}},
	{name: "oidcc-client-back-channel-logout-rp-basic", variant: basic, client: map[string]string{
		"post_logout_redirect_uri": "/", "backchannel_logout_uri": "/auth/backchannel-logout",
	}},
	{name: "oidcc-client-front-channel-logout-rp-basic", variant: basic, client: map[string]string{
		"post_logout_redirect_uri": "/", "frontchannel_logout_uri": "/auth/frontchannel-logout",
	}},
	// Both channels at once.
	{name: "oidcc-client-logout-test-plan", variant: code, client: map[string]string{
		"post_logout_redirect_uri": "/", "backchannel_logout_uri": "/auth/backchannel-logout", "frontchannel_logout_uri": "/auth/frontchannel-logout",
	}, want: map[string]string{
		"oidcc-client-test-rp-init-logout": "REVIEW", "oidcc-client-test-rp-init-logout-other-state": "REVIEW", "oidcc-client-test-rp-init-logout-no-state": "REVIEW",
	}},
	{name: "oidcc-client-refreshtoken-test-plan", variant: code},
	{name: "oidcc-client-test-plan", variant: code},
	{name: "oidcc-client-test-plan", variant: as("client_secret_post", "form_post")},
	{name: "oidcc-client-test-plan", variant: as("private_key_jwt", "default")},
	{name: "oidcc-client-test-plan", variant: as("none", "default")},
}

// module is what the application and the person do in a module of the suite's.
type module struct {
	walk func(*visit)
	gate func(*gatehouse.Config)
	want string // the suite's result; empty is PASSED
	lack string // what the module is about and Gatehouse doesn't have: it isn't run
}

// modules are those of the plans, by name.
var modules = map[string]module{
	"oidcc-client-test":                           {walk: signsIn},
	"oidcc-client-test-client-secret-basic":       {walk: signsIn, gate: withSecret},
	"oidcc-client-test-scope-userinfo-claims":     {walk: isToldMore},
	"oidcc-client-test-idtoken-sig-rs256":         {walk: signsIn},
	"oidcc-client-test-kid-absent-single-jwks":    {walk: signsIn},
	"oidcc-client-test-kid-absent-multiple-jwks":  {walk: signsIn},
	"oidcc-client-test-userinfo-bearer-header":    {walk: signsIn},
	"oidcc-client-test-userinfo-signed":           {walk: signsIn},
	"oidcc-client-test-aggregated-claims":         {walk: signsIn},
	"oidcc-client-test-discovery-openid-config":   {walk: looks},
	"oidcc-client-test-discovery-jwks-uri-keys":   {walk: looks},
	"oidcc-client-test-invalid-iss":               {walk: isRefused},
	"oidcc-client-test-missing-sub":               {walk: isRefused},
	"oidcc-client-test-invalid-aud":               {walk: isRefused},
	"oidcc-client-test-missing-aud":               {walk: isRefused},
	"oidcc-client-test-missing-iat":               {walk: isRefused},
	"oidcc-client-test-invalid-sig-rs256":         {walk: isRefused},
	"oidcc-client-test-invalid-sig-es256":         {walk: isRefused},
	"oidcc-client-test-invalid-sig-hs256":         {walk: isRefused, gate: byHS256},
	"oidcc-client-test-userinfo-invalid-sub":      {walk: isRefused},
	"oidcc-client-test-nonce-invalid":             {walk: isRefused},
	"oidcc-client-test-discovery-issuer-mismatch": {walk: isRefused},
	"oidcc-client-test-form-post-error":           {walk: isRefused, gate: inSilence},
	// The suite lets clients skip it that never accept an unsigned token.
	"oidcc-client-test-idtoken-sig-none": {walk: isRefused, want: "SKIPPED"},

	"oidcc-client-test-signing-key-rotation-just-before-signing": {walk: signsIn},
	"oidcc-client-test-signing-key-rotation":                     {walk: signsInAgain},

	"oidcc-client-test-3rd-party-init-login": {walk: isSentToSignIn},

	"oidcc-client-test-refresh-token":                {walk: isRenewed},
	"oidcc-client-test-refresh-token-invalid-issuer": {walk: isNotRenewed},
	"oidcc-client-test-refresh-token-invalid-sub":    {walk: isNotRenewed},

	"oidcc-client-test-rp-init-logout":             {walk: signsOut},
	"oidcc-client-test-rp-init-logout-other-state": {walk: signsOut},
	"oidcc-client-test-rp-init-logout-no-state":    {walk: signsOut},

	"oidcc-client-test-rp-backchannel-rpinitlogout":             {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-alg-none":    {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-no-event":    {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce":  {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg":   {walk: signsOut, gate: byRS256},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud":   {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event": {walk: signsOut},
	"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss":   {walk: signsOut},

	// The suite can't see into a frame of another site, and asks for a review.
	"oidcc-client-test-rp-frontchannel-rpinitlogout": {walk: signsOut, want: "REVIEW"},
	"oidcc-client-test-rp-frontchannel-opinitlogout": {walk: isSignedOut, want: "REVIEW"},

	"oidcc-client-test-userinfo-bearer-body":     {lack: "access tokens in the body of UserInfo requests"},
	"oidcc-client-test-distributed-claims":       {lack: "distributed claims"},
	"oidcc-client-test-discovery-webfinger-acct": {lack: "WebFinger"},
	"oidcc-client-test-discovery-webfinger-url":  {lack: "WebFinger"},
	"oidcc-client-test-session-management":       {lack: "session management by frames"},
}

// TestPlans runs every module of every plan, and prints a table of the results.
func TestPlans(t *testing.T) {
	suite := theSuite(t)
	version, commit, err := suite.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table := []string{"suite " + version + ", commit " + commit + ", " + time.Now().UTC().Format(time.DateOnly)}
	for _, p := range plans {
		t.Run(p.name+" "+p.choice(), func(t *testing.T) {
			p.run(t, suite, func(module, result string) {
				table = append(table, "| "+strings.Join([]string{p.name, p.choice(), module, result}, " | ")+" |")
			})
		})
	}
	t.Logf("\n%s", strings.Join(table, "\n"))
}

// choice is what distinguishes plans of one name.
func (p plan) choice() string {
	var chosen []string
	for _, name := range []string{"client_auth_type", "response_mode", "client_registration"} {
		if value := p.variant[name]; value != "" {
			chosen = append(chosen, value)
		}
	}
	return strings.Join(chosen, ", ")
}

func (p plan) run(t *testing.T, suite *conformance.Suite, note func(module, result string)) {
	at := newSite(t, suite)
	made, err := suite.Plan(t.Context(), p.name, choices(p.variant), at.form(p.client))
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range made.Modules {
		t.Run(listed.Name, func(t *testing.T) {
			switch m, known := modules[listed.Name]; {
			case !known:
				t.Fatal("nobody here knows this module")
			case m.lack != "":
				note(listed.Name, "not run: no "+m.lack)
			default:
				note(listed.Name, p.visit(t, m, at, made, listed))
			}
		})
	}
}

// visit runs one module, and returns the suite's result.
func (p plan) visit(t *testing.T, m module, at *site, made conformance.Plan, listed conformance.Module) string {
	run, err := at.suite.Start(t.Context(), made, listed)
	if err != nil {
		t.Fatal(err)
	}
	changes := []func(*gatehouse.Config){chosenBy(at, p.variant), chosenBy(at, listed.Variant)}
	if m.gate != nil {
		changes = append(changes, m.gate)
	}
	if p.variant["client_registration"] == "dynamic_client" {
		changes = append(changes, at.register(t, run, p.client))
	}
	m.walk(at.newVisit(t, run, changes...))
	result, why, err := run.Result(t.Context())
	if err != nil {
		t.Error(err)
	}
	if want := cmp.Or(p.want[listed.Name], m.want, "PASSED"); result != want {
		t.Errorf("%s, want %s:\n%s", result, want, why)
	}
	return result
}

// chosenBy configures a gate as a variant wants it.
func chosenBy(at *site, variant conformance.Variant) func(*gatehouse.Config) {
	return func(c *gatehouse.Config) {
		if variant["response_mode"] == "form_post" {
			c.ResponseMode = "form_post"
		}
		switch variant["client_auth_type"] {
		case "private_key_jwt":
			c.ClientSecret, c.ClientKey = "", at.key
		case "none":
			c.ClientSecret = ""
		}
	}
}

// withSecret is for a module that wants one whatever the plan says.
func withSecret(c *gatehouse.Config) {
	c.ClientSecret, c.ClientKey = clientSecret, oidc.SigningKey{}
}

func byHS256(c *gatehouse.Config) { c.SigningAlgs = []string{"HS256"} }

// byRS256 says what the client was registered for: the suite signs by another key
// of its own.
func byRS256(c *gatehouse.Config) { c.SigningAlgs = []string{"RS256"} }

func inSilence(c *gatehouse.Config) { c.Prompt, c.MaxAge = "none", -1 }

// signsIn: the page is shown in the end.
func signsIn(v *visit) {
	if who := v.signIn(); who.Sub == "" {
		v.Error("nobody is signed in")
	}
}

// looks: the suite has seen enough when the discovery document and the keys are
// read, and takes what comes then for a mistake.
func looks(v *visit) {
	if err := v.gate.Ready(v.Context()); err != nil {
		v.Error(err)
	}
}

func isToldMore(v *visit) {
	if who := v.signIn(); who.Claims["email"] == nil || who.Claims["name"] == nil {
		v.Errorf("signed in with %v", who.Claims)
	}
}

// isRefused: the sign-in fails.
func isRefused(v *visit) {
	if page := v.open("/me"); page.Status < 400 {
		v.Errorf("signed in: %s", page)
	}
	v.wantStranger(v.Browser)
}

// signsInAgain signs somebody else in too, after the keys were read once.
func signsInAgain(v *visit) {
	v.signIn()
	v.clock.Advance(3 * time.Second)
	v.Browser = v.another()
	v.signIn()
}

// isSentToSignIn: by another site (OpenID Connect Core 1.0 §4).
func isSentToSignIn(v *visit) {
	address, err := v.run.Visit(v.Context())
	if err != nil {
		v.Fatal(err)
	}
	if page := v.arrive(v.Open(address)); page.Status != http.StatusOK || page.URL.Path != "/" {
		v.Errorf("ends at %s", page)
	}
	v.read(v.open("/me"))
}

// renews has the access token refused by a service, so that the next request gets
// another one.
func renews(v *visit) interop.Page {
	v.clock.Advance(time.Minute)
	if page := v.open("/orders"); page.Status != http.StatusOK {
		v.Fatalf("the service isn't asked: %s", page)
	}
	return v.Fetch(http.MethodGet, v.site.server.URL+"/me")
}

func isRenewed(v *visit) {
	before := v.signIn()
	if after := v.read(renews(v)); after.Token == before.Token || after.Sub != before.Sub {
		v.Errorf("%v after %v", after, before)
	}
}

func isNotRenewed(v *visit) {
	v.signIn()
	if page := renews(v); page.Status != http.StatusUnauthorized {
		v.Errorf("still signed in: %s", page)
	}
	v.wantStranger(v.Browser)
}

// signsOut here, and so there; what the suite tells us of it makes no difference.
func signsOut(v *visit) {
	v.signIn()
	window := v.beside()
	page := v.signOut()
	if !strings.HasPrefix(page.URL.String(), v.site.server.URL) {
		page = v.frame(page)
	}
	if page.Status != http.StatusOK || page.Body != "hello stranger" {
		v.Errorf("ends at %s", page)
	}
	v.wantStranger(v.Browser)
	v.wantStranger(window)
}

// isSignedOut there, whose page has ours in a frame.
func isSignedOut(v *visit) {
	v.signIn()
	address, err := v.run.Visit(v.Context())
	if err != nil {
		v.Fatal(err)
	}
	v.frame(v.Open(address))
	v.wantStranger(v.Browser)
}

// What the script of the suite's page for front-channel logout does: it loads a
// frame, says that it has, and goes to where the sign-out ends.
var (
	framed = regexp.MustCompile(`iframe\.src = '(.*)';`)
	told   = regexp.MustCompile(`let url = '(.*)';`)
	leads  = regexp.MustCompile(`window\.location\.href='([^']*)'`)
)

func (v *visit) frame(page interop.Page) interop.Page {
	v.Helper()
	find := func(of *regexp.Regexp) string {
		if found := of.FindStringSubmatch(page.Body); found != nil {
			return unescaped.Replace(html.UnescapeString(found[1]))
		}
		return ""
	}
	if frame := v.Frame(page, meant(find(framed))); frame.Status != http.StatusOK {
		v.Errorf("the frame shows %s", frame)
	}
	if res := v.Fetch(http.MethodGet, find(told)+"?loaded=true"); res.Status != http.StatusOK {
		v.Errorf("the suite doesn't listen: %s", res)
	}
	if next := find(leads); next != "" {
		return v.Follow(page, next)
	}
	return page
}

// unescaped undoes what a script's strings are written with.
var unescaped = strings.NewReplacer(`\\`, `\`, `\/`, `/`, `\'`, `'`, `\"`, `"`)

// meant is the address of a frame with its parameters escaped. The suite escapes the
// whole for HTML, which scripts know nothing of, and the sid not at all, although it
// has every character that needs it.
func meant(address string) string {
	base, query, _ := strings.Cut(address, "?iss=")
	issuer, sid, _ := strings.Cut(query, "&sid=")
	return base + "?" + url.Values{"iss": {issuer}, "sid": {sid}}.Encode()
}
