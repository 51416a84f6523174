package conformance_test

import (
	"cmp"
	"html"
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
	for _, name := range []string{"client_auth_type", "response_mode", "client_registration", "sender_constrain", "fapi_profile"} {
		if value := p.variant[name]; value != "" {
			chosen = append(chosen, value)
		}
	}
	return strings.Join(chosen, ", ")
}

func (p plan) run(t *testing.T, suite *conformance.Suite, note func(module, result string)) {
	at := newSite(t, suite)
	made, err := suite.Plan(t.Context(), p.name, p.variant, at.form(p.client))
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
	for _, change := range []func(*gatehouse.Config){p.gate, m.gate} {
		if change != nil {
			changes = append(changes, change)
		}
	}
	if p.variant["client_registration"] == "dynamic_client" {
		changes = append(changes, at.register(t, run, p.client))
	}
	walk := m.walk
	if p.walk != nil {
		walk = p.walk
	}
	walk(at.newVisit(t, run, changes...))
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

// strictly is what FAPI 2.0 asks of a client (FAPI 2.0 Security Profile §5.3.3, §5.4.1).
func strictly(c *gatehouse.Config) {
	c.PushedRequests, c.DPoP, c.IssuerAudience = true, true, true
	c.SigningAlgs = []string{"PS256", "ES256", "EdDSA"}
}

// forItself is an application that signs nobody in.
func forItself(c *gatehouse.Config) {
	strictly(c)
	c.API.Audience = []string{clientID}
}

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

// isServed: the provider's own service takes the access token.
func isServed(v *visit) {
	v.signIn()
	if page := v.open("/accounts"); page.Status != http.StatusOK || page.Body != "the service says 200" {
		v.Errorf("not served: %s", page)
	}
}

// isServedItself: the service takes an access token of the application's own.
func isServedItself(v *visit) {
	if page := v.open("/report"); page.Status != http.StatusOK || page.Body != "the service says 200" {
		v.Errorf("not served: %s", page)
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
