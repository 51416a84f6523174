package canary

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
)

// parameters are those that are secrets, by their names in forms and queries.
var parameters = map[string]Kind{
	"code": Code, "state": State, "nonce": Nonce, "code_verifier": Verifier, "access_token": AccessToken, "refresh_token": RefreshToken,
	"id_token": IDToken, "id_token_hint": IDToken, "logout_token": LogoutToken, "client_assertion": Assertion, "client_secret": ClientSecret,
	"token": RefreshToken, "subject_token": AccessToken,
}

// Form notes the parameters of a form, a query or a document that are secrets.
func (w *Watch) Form(values url.Values) {
	for name, kind := range parameters {
		w.Secret(kind, values[name]...)
	}
}

// Address notes the parameters of an address.
func (w *Watch) Address(address string) {
	if u, err := url.Parse(address); err == nil {
		w.Form(u.Query())
	}
}

// Header notes the credentials and the cookies of a request, and the cookies that an
// answer sets.
func (w *Watch) Header(header http.Header) {
	for _, value := range header["Authorization"] {
		scheme, credentials, _ := strings.Cut(value, " ")
		switch strings.ToLower(scheme) {
		case "bearer", "dpop":
			w.Secret(AccessToken, strings.TrimSpace(credentials))
		case "basic":
			decoded, _ := base64.StdEncoding.DecodeString(credentials)
			_, password, _ := strings.Cut(string(decoded), ":")
			if secret, err := url.QueryUnescape(password); err == nil {
				w.Secret(ClientSecret, secret, password)
			}
		}
	}
	for _, c := range (&http.Request{Header: header}).Cookies() {
		w.Secret(Cookie, c.Value)
	}
	for _, c := range (&http.Response{Header: header}).Cookies() {
		w.Secret(Cookie, c.Value)
	}
}

// Shown are the kinds that a handler of a test's own knows, and may show.
func Shown() []Kind { return []Kind{AccessToken, Nonce, State} }

// Response takes down an answer: its headers, of which Set-Cookie has cookies and
// Location what a redirect needs, and its body. A body may hold those kinds of secrets
// but for a refusal, which is the library's own.
func (w *Watch) Response(place string, status int, header http.Header, body string, except ...Kind) {
	w.Header(http.Header{"Set-Cookie": header["Set-Cookie"]})
	for name, values := range header {
		switch name {
		case "Set-Cookie":
		case "Location":
			w.Look(place+"'s Location", strings.Join(values, "\n"), State, Nonce, IDToken)
		default:
			w.Look(place+"'s header "+name, strings.Join(values, "\n"))
		}
	}
	if status >= http.StatusBadRequest {
		except = nil
	}
	w.Look(place+"'s body", body, except...)
}

// Recorder returns a recorder whose answer is looked at when the test ends.
func (w *Watch) Recorder(place string, except ...Kind) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	w.Harvest(func() { w.Response(place, recorder.Code, recorder.Header(), recorder.Body.String(), except...) })
	return recorder
}

// Transport notes the secrets of all requests that go through it and of their answers,
// and looks at the answers of those addresses that are looked at: of a refusal at the
// whole, otherwise at all but what handlers may show.
func (w *Watch) Transport(base http.RoundTripper, looked func(*url.URL) bool) http.RoundTripper {
	return transport{w, base, looked}
}

type transport struct {
	watch  *Watch
	base   http.RoundTripper
	looked func(*url.URL) bool
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.watch.Header(r.Header)
	t.watch.Address(r.URL.String())
	res, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	t.watch.Header(http.Header{"Set-Cookie": res.Header["Set-Cookie"]})
	t.watch.Address(res.Header.Get("Location"))
	if !t.looked(r.URL) || res.StatusCode == http.StatusSwitchingProtocols {
		return res, nil
	}
	read := &writer{}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(res.Body, read), res.Body}
	status, header := res.StatusCode, res.Header.Clone()
	t.watch.Harvest(func() { t.watch.Response("an answer", status, header, read.String(), Shown()...) })
	return res, nil
}

// Kinds are all that there are.
func Kinds() []Kind {
	return slices.Clone([]Kind{
		Code, State, Nonce, Verifier, AccessToken, RefreshToken, IDToken, LogoutToken, Assertion, ClientSecret, Cookie, SessionKey, SigningKey, ProofKey, Password,
	})
}
