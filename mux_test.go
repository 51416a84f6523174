package gatehouse_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// trickRoutes guard one page by several kinds of patterns, and have an open page
// that covers everything else.
func trickRoutes(gate *gatehouse.Gate) http.Handler {
	secret := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Inside", "yes")
		fmt.Fprint(w, "inside")
	}
	mux := gate.Mux()
	mux.HandleFunc("/", rbac.Public(), func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "open: %q", r.URL.Path) })
	mux.HandleFunc("/admin", rbac.Role("owner"), secret)
	mux.HandleFunc("/tree/", rbac.Role("owner"), secret)
	mux.HandleFunc("GET /got", rbac.Role("owner"), secret)
	mux.HandleFunc("/files/{name}", rbac.Role("owner"), secret)
	mux.HandleFunc("/rest/{name...}", rbac.Role("owner"), secret)
	mux.HandleFunc("admin.example/{$}", rbac.Role("owner"), secret)
	mux.HandleFunc("/me", rbac.SignedIn(), me)
	return gate.Wrap(mux)
}

// raw sends a request exactly as it is written, and returns the answer.
func (w *world) raw(line, host string, cookies []*http.Cookie) answer {
	w.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.app.URL, "http://"))
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	text := line + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\nAccept: text/html\r\n"
	for _, c := range cookies {
		text += "Cookie: " + c.Name + "=" + c.Value + "\r\n"
	}
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		w.Fatal(err)
	}
	method, _, _ := strings.Cut(line, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		w.Fatalf("%s: %v", line, err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body) // what a CONNECT or a HEAD has of one
	return answer{res, string(body)}
}

// TestPathTricks: what is spelt otherwise reaches the guarded handler by no way,
// neither for strangers nor for those who lack the role.
func TestPathTricks(t *testing.T) {
	w := newWorld(t, setup{routes: trickRoutes})
	b := w.browser().signIn()
	alice := sessionCookies(b.cookies())
	targets := []string{
		"/admin", "//admin", "///admin", "/./admin", "/x/../admin", "/x/./../admin", "/x//../admin", "/../admin", "/../../admin", "/x/%2e%2e/admin", "/%2e/admin",
		"/%2E%2E/admin", "/x/..%2fadmin", "/x/%2e%2e%2fadmin", "/%2fadmin", "/admin%2f", "/admin/", "/admin//", "/admin/.", "/admin/..", "/admin/../admin",
		"/%61dmin", "/%41dmin", "/ADMIN", "/Admin", "/admin;x", "/admin;x=y", "/admin;/", "/;/admin", "/x;/../admin", "/admin.", "/admin%20", "/admin%00", "/admin%0a",
		"/admin%09", "/admin%5c", "/%5cadmin", `/\admin`, `/x\..\admin`, "/admin?", "/admin?x=/me", "/admin#x", "/admin%23", "/admin%3f", "/admin%3b",
		"/%2561dmin", "/admin%252f", "/adm%69n", "/%c0%afadmin", "/\u0430dmin", "/me/../admin", "/auth/../admin", "/auth/login/../../admin", "/auth/session/../../admin",
		"/tree", "/tree/", "/tree/x", "//tree/x", "/x/../tree/x", "/tree/../tree/x", "/tree%2fx", "/%74ree/x", "/TREE/x", "/tree;/x", "/tree/%2e%2e/x", "/tree/..%2fme",
		"/got", "//got", "/%67ot", "/files/x", "/files/..", "/files/%2e%2e", "/files/..%2fadmin", "/files//x", "/files/x/", "/rest/", "/rest/x/y", "/rest", "/rest/../rest/x", "/rest/%2e%2e/x",
		"http://admin.example/", "http://admin.example/admin", "http://evil.example/admin", "https://evil.example//admin", "http://admin.example:80/", "http://ADMIN.example/", "http://admin.example./",
	}
	hosts := []string{strings.TrimPrefix(w.app.URL, "http://"), "admin.example", "ADMIN.EXAMPLE", "admin.example.", "admin.example:8080"}
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "CONNECT", "TRACE", "get", "FROB"} {
		for i, target := range targets {
			for _, cookies := range [][]*http.Cookie{nil, alice} {
				res := w.raw(method+" "+target, hosts[i%len(hosts)], cookies)
				if res.Header.Get("X-Inside") != "" || strings.Contains(res.body, "inside") {
					t.Errorf("%s %s gets inside", method, target)
				}
				if res.StatusCode == http.StatusInternalServerError {
					t.Errorf("%s %s: %d", method, target, res.StatusCode)
				}
			}
		}
	}
	for _, line := range []string{"OPTIONS *", "CONNECT admin.example:443", "CONNECT /admin"} {
		if res := w.raw(line, "admin.example", alice); strings.Contains(res.body, "inside") || res.Header.Get("X-Inside") != "" {
			t.Errorf("%s gets inside", line)
		}
	}
}

// TestGuardedSpellings: what a request means, and not how it is spelt, decides
// about the rule. These mean the guarded pages.
func TestGuardedSpellings(t *testing.T) {
	w := newWorld(t, setup{routes: trickRoutes})
	host := strings.TrimPrefix(w.app.URL, "http://")
	alice := sessionCookies(w.browser().signIn().cookies())
	for _, line := range []string{
		"GET /admin", "GET /%61dmin", "GET /adm%69n", "GET /admin?", "GET http://evil.example/admin", "POST /admin", "HEAD /got", "GET /%67ot",
		"GET /tree/", "GET /tree/x;y", "GET /tree/%2e%2e%2fme", "GET /%74ree/x", "GET /files/%2e%2e", "GET /files/a%2fb", "GET /rest/", "GET /rest/a/b", "FROB /admin", "CONNECT /admin",
	} {
		if res := w.raw(line, host, alice); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", line, res.StatusCode, res.body)
		}
	}
	for _, admin := range []string{"admin.example", "admin.example:8080"} {
		if res := w.raw("GET /", admin, alice); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", admin, res.StatusCode, res.body)
		}
	}
}

// TestOwnersGetInside: the handlers of the two tests above are there.
func TestOwnersGetInside(t *testing.T) {
	w := newWorld(t, setup{routes: trickRoutes})
	owner := alice
	owner.Claims = map[string]any{"roles": []string{"owner"}}
	w.provider.SignIn(owner)
	b := w.browser().signIn()
	for _, path := range []string{"/admin", "/%61dmin", "/tree/x", "/got", "/files/x", "/rest/x/y"} {
		b.get(path).want(t, http.StatusOK, "inside")
	}
	if res := w.raw("GET /", "admin.example", sessionCookies(b.cookies())); res.body != "inside" {
		t.Errorf("by host: %d %s", res.StatusCode, res.body)
	}
}

// TestPathsReadOtherwise: what is behind a handler may read a path otherwise than
// the Mux does, and means a page of another pattern then, whose rule counts too.
func TestPathsReadOtherwise(t *testing.T) {
	w := newWorld(t, setup{routes: func(gate *gatehouse.Gate) http.Handler {
		mux := gate.Mux()
		open := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "passed on: %s", r.URL.EscapedPath()) }
		mux.HandleFunc("/public/", rbac.Public(), open)
		mux.HandleFunc("/files/{name}", rbac.Public(), open)
		mux.HandleFunc("/admin", rbac.Role("owner"), open)
		mux.HandleFunc("/tree/", rbac.Role("owner"), open)
		mux.HandleFunc("POST /got", rbac.Role("owner"), open)
		mux.HandleFunc("GET /both", rbac.Role("owner"), open)
		mux.HandleFunc("POST /both", rbac.Public(), open)
		mux.HandleFunc("GET\t/shelf/", rbac.Role("owner"), open)
		mux.HandleFunc("GET /seen", rbac.Public(), open)
		mux.HandleFunc("/me", rbac.SignedIn(), me)
		return gate.Wrap(mux)
	}})
	host := strings.TrimPrefix(w.app.URL, "http://")
	alice := sessionCookies(w.browser().signIn().cookies())
	owner := oidctest.User{Subject: "owner", Claims: map[string]any{"roles": []string{"owner"}}}
	w.provider.SignIn(owner)
	owners := sessionCookies(w.browser().signIn().cookies())
	for _, line := range []string{
		"GET /public/%2e%2e/admin", "GET /public/%2E%2e/admin", "GET /public/.%2e/admin", "GET /public/..%2fadmin", "GET /public/%2e%2e%2fadmin",
		`GET /public/..\admin`, "GET /public/..%5cadmin", "GET /public/..;/admin", "GET /public/..;x=y/admin", "GET /public/%2e%2e;/admin", "GET /public/..%3b/admin",
		"GET /public/%2e%2e/admin/", "GET /public/%2e%2e/admin;x", "GET /public/%2e%2e/%61dmin", "GET /public/x/..;/..;/tree/x", "GET /public/%2e%2e/tree", "GET /public/%2e%2e/tree/x",
		"GET /files/..%2fadmin", "GET /files/..%2ftree%2fx", "GET /files/..%5cadmin", "POST /public/%2e%2e/got", "CONNECT /public/../admin",
		`GET /public/x\..\..;y/admin`, "GET /public/x%5c..%5c..;y/admin",
		"GET /public/%2e%2e/got", "got /public/%2e%2e/got", "PUT /public/..%2fgot", "PUT /public/%2e%2e/both", "POST /public/%2e%2e/shelf", "POST /public/%2e%2e/shelf/x",
		"HEAD /public/%2e%2e/both", "DELETE /public/x/..;/..;/both", "OPTIONS /files/..%5cboth", "CONNECT /public/../both",
	} {
		for whose, cookies := range map[string][]*http.Cookie{"a stranger": nil, "alice": alice} {
			if res := w.raw(line, host, cookies); strings.Contains(res.body, "passed on") || res.StatusCode < 300 {
				t.Errorf("%s by %s: %d %s", line, whose, res.StatusCode, res.body)
			}
		}
		if res := w.raw(line, host, owners); res.StatusCode != http.StatusOK {
			t.Errorf("%s by an owner: %d %s", line, res.StatusCode, res.body)
		}
	}
	for _, line := range []string{
		"GET /public/a%20b", "GET /public/a%2fb", "GET /public/a;b", "GET /public/%2e%2e/public/x", "GET /public/%2e%2e/nothing", "GET /files/a%2fb", "GET /files/a%5cb", "GET /public/.well-known", "GET /public/...", "POST /public/%2e%2e/both", "PUT /public/%2e%2e/seen",
	} {
		if res := w.raw(line, host, nil); res.StatusCode != http.StatusOK || !strings.HasPrefix(res.body, "passed on: "+line[strings.Index(line, " ")+1:]) {
			t.Errorf("%s: %d %s", line, res.StatusCode, res.body)
		}
	}
}
