package gatehouse

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// pages writes the few documents that are the library's own.
type pages struct {
	template *template.Template
	policy   string // the Content-Security-Policy of every page
	wide     string // of the matrix
	baseURL  string
	signIn   string // the path of the login endpoint
}

// page is what page.html shows. One with a button says in a meta element that its own
// origin may know it: under the no-referrer of the header alone the POST would say that
// its Origin is null (Fetch §3.1), and browsers without Fetch Metadata say nothing else
// of where they are.
type page struct {
	Style   template.CSS
	Title   string
	Message string
	Status  int
	Action  string // the target of a POST button, or
	Link    string // of a plain link
	Label   string
	Other   string // the text of a second link, to the start page
}

// problem is the body of an error for programs (RFC 9457 §3).
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	LoginURL string `json:"login_url,omitempty"`

	// What an error code says, and what would help (RFC 6750 §3, RFC 9470 §3).
	Error     string `json:"error,omitempty"`
	Scope     string `json:"scope,omitempty"`
	ACRValues string `json:"acr_values,omitempty"`
	MaxAge    int64  `json:"max_age,omitempty"` // seconds
}

func newPages(baseURL, authPath string) (*pages, error) {
	parsed, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	if _, err := parsed.New("sessions").Parse(sessionsHTML); err != nil {
		return nil, err
	}
	if _, err := parsed.New("matrix").Funcs(matrixWords).Parse(matrixHTML); err != nil {
		return nil, err
	}
	return &pages{template: parsed, baseURL: baseURL, signIn: authPath + "/login", policy: policyFor(pageCSS), wide: policyFor(pageCSS + matrixCSS)}, nil
}

// policyFor is the Content-Security-Policy of a page that has this style and
// nothing else. form-action is left out: Chromium applies it to the redirect that
// follows a form, and signing out ends at the provider.
func policyFor(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'"
}

// headers are what every answer of ours carries, pages and problems alike.
func (p *pages) headers(w http.ResponseWriter) {
	header := w.Header()
	noStore(header)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", p.policy)
}

// fail answers with a page for people, or with a problem document.
func (p *pages) fail(w http.ResponseWriter, failure *Error, page bool) {
	if page {
		p.show(w, failure.status(), p.failurePage(failure))
		return
	}
	body := problem{
		Type:   "about:blank",
		Title:  http.StatusText(failure.status()),
		Status: failure.status(),
		Detail: failure.message(),
	}
	var refusal *oidc.Refusal
	if errors.As(failure.Cause, &refusal) {
		body.Error, body.Scope = refusal.Code, strings.Join(refusal.Scopes, " ")
		body.ACRValues, body.MaxAge = strings.Join(refusal.ACRValues, " "), int64(refusal.MaxAge/time.Second)
	}
	if failure.status() == http.StatusUnauthorized && failure.Link != "" {
		body.LoginURL = p.baseURL + failure.Link
	}
	writeJSON(w, "application/problem+json", failure.status(), body)
}

// failurePage says what happened in the words of people; the status is for
// those they tell.
func (p *pages) failurePage(failure *Error) page {
	shown := page{
		Title:   http.StatusText(failure.status()),
		Message: failure.message(),
		Status:  failure.status(),
		Link:    failure.Link,
		Label:   "Continue",
		Other:   startPage,
	}
	path, _, _ := strings.Cut(failure.Link, "?")
	toSignIn := path == p.signIn
	if toSignIn {
		shown.Label = "Sign in again"
	}
	switch status := failure.status(); {
	case status == http.StatusServiceUnavailable:
		shown.Title, shown.Label = "Not available right now", "Try again"
	case status >= 500:
		shown.Title, shown.Label = "Something went wrong", "Try again"
	case status == http.StatusUnauthorized:
		shown.Title = "Sign in to continue"
		if toSignIn {
			shown.Label = "Sign in"
		}
	case status == http.StatusForbidden:
		shown.Title = "Not allowed"
	case status == http.StatusBadRequest && toSignIn:
		shown.Title = "The sign-in did not work"
	}
	shown.Title, shown.Label = orDefault(failure.title, shown.Title), orDefault(failure.label, shown.Label)
	if shown.Link == "" {
		shown.Link, shown.Label, shown.Other = "/", startPage, ""
	}
	return shown
}

const startPage = "Go to the start page"

func (p *pages) show(w http.ResponseWriter, status int, shown page) {
	shown.Style = template.CSS(pageCSS) // our own embedded file
	p.write(w, status, "page", shown)
}

// write answers with one of our documents.
func (p *pages) write(w http.ResponseWriter, status int, name string, shown any) {
	var body bytes.Buffer
	if err := p.template.ExecuteTemplate(&body, name, shown); err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

func writeJSON(w http.ResponseWriter, contentType string, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// seconds is how durations are written in headers: whole, rounded up.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}
