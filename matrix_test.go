package gatehouse_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func matrixRoutes(gate *gatehouse.Gate) http.Handler {
	pages, api := gate.Mux(), gate.Mux()
	pages.HandleFunc("GET /{$}", rbac.Public(), me)
	pages.HandleFunc("/me", rbac.SignedIn(), me)
	pages.HandleFunc("POST /articles/{id}", rbac.Role("editor"), me)
	pages.HandleFunc("/staff", rbac.All(rbac.Role("editor"), rbac.Not(rbac.Group("interns")), rbac.Claim(rbac.Path{"plan"}, "hunter2")), me)
	pages.HandleFunc("/payments", rbac.All(rbac.Role("admin"), rbac.MaxAge(5*time.Minute)), me)
	pages.HandleFunc("/<script>", rbac.Group("<b>"), me)
	pages.Handle("/policy", rbac.Role("admin"), gate.Matrix(pages, api))
	api.HandleFunc("/api/orders", rbac.Any(rbac.Role("auditor"), rbac.Scope("orders:read")), me)
	api.Handle("/api/policy", rbac.SignedIn(), gate.Matrix(pages, api))
	root := http.NewServeMux()
	root.Handle("/", gate.Wrap(pages))
	root.Handle("/api/", gate.API(api))
	return root
}

func hierarchical(c *gatehouse.Config) {
	c.Policy.Hierarchy = map[string][]string{"admin": {"editor"}}
}

// TestMatrix: what each role alone decides about each route.
func TestMatrix(t *testing.T) {
	w := newWorld(t, setup{routes: matrixRoutes, gate: hierarchical})
	b := w.browser().signIn()
	var got struct {
		Visitors []struct{ Name, Role string }
		Routes   []struct {
			Pattern, Rule string
			Cells         []struct {
				Answer, Visitor string
				Why             struct{ Rule, Outcome string }
			}
		}
	}
	res := b.fetch("/policy").want(t, http.StatusOK)
	if err := json.Unmarshal([]byte(res.body), &got); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(got.Visitors) + "\n"
	for _, route := range got.Routes {
		var answers []string
		for _, cell := range route.Cells {
			answers = append(answers, cell.Answer)
		}
		text += route.Pattern + ": " + strings.Join(answers, " ") + "\n"
	}
	const want = `[{stranger } {signed in } {auditor auditor} {editor editor} {admin admin}]
GET /{$}: allowed allowed allowed allowed allowed
/me: denied allowed allowed allowed allowed
POST /articles/{id}: denied denied denied allowed allowed
/staff: denied denied denied depends depends
/payments: denied denied denied denied depends
/<script>: denied depends depends depends depends
/policy: denied denied denied denied allowed
/api/orders: denied depends allowed depends depends
/api/policy: denied allowed allowed allowed allowed
`
	if text != want {
		t.Errorf("the matrix says\n%swant\n%s", text, want)
	}
	if strings.Contains(res.body, "hunter2") {
		t.Error("it shows what a claim is compared with")
	}
	b.get("/api/policy").want(t, http.StatusOK, `"visitors":[{"name":"stranger"},`)
	b.send(http.MethodPost, "/policy", navigation, "").want(t, http.StatusMethodNotAllowed)
	w.browser().get("/policy").want(t, http.StatusFound)
}

// TestMatrixPage is a page like the others: no scripts, no frames, no caches, and
// a style that its policy allows.
func TestMatrixPage(t *testing.T) {
	w := newWorld(t, setup{routes: matrixRoutes, gate: hierarchical})
	res := w.browser().signIn().get("/policy").want(t, http.StatusOK,
		"<code>POST /articles/{id}</code>", "Role(&#34;editor&#34;)", `<th scope="col" class="role">auditor</th>`, "/&lt;script&gt;", "&lt;b&gt;", "it depends on more than roles", "has to sign in first")
	if strings.Contains(res.body, "hunter2") || strings.Contains(res.body, "<script") || strings.Contains(res.body, "<b>") {
		t.Errorf("the page says %s", res.body)
	}
	_, style, _ := strings.Cut(res.body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy %s doesn't allow the style", policy)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestMuxTable: the table can be read and printed.
func TestMuxTable(t *testing.T) {
	mux := newWorld(t, setup{}).gate.Mux()
	mux.HandleFunc("GET /{$}", rbac.Public(), me)
	mux.HandleFunc("/articles/{id}", rbac.All(rbac.Role("editor"), rbac.Claim(rbac.Path{"plan"}, "team")), me)
	const want = `GET /{$}        Public()
/articles/{id}  All(Role("editor"), Claim(Path{"plan"}, "team"))
`
	if got := mux.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	routes := mux.Routes()
	if len(routes) != 2 || routes[1].Pattern != "/articles/{id}" || routes[1].Rule.String() != rbac.All(rbac.Role("editor"), rbac.Claim(rbac.Path{"plan"}, "team")).String() {
		t.Errorf("%v", routes)
	}
	routes[0] = gatehouse.Route{}
	if mux.Routes()[0].Pattern != "GET /{$}" {
		t.Error("the table isn't a copy")
	}
}
