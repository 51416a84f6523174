package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
)

// TokenRequest is one request to a token endpoint and its answer.
type TokenRequest struct {
	GrantType    string
	RefreshToken string // that was sent
	Status       int
	// What is in the answer.
	Error, ErrorDescription string
	TokenType               string
	Issued                  string // refresh token
	AccessToken, IDToken    string
}

// ledger notes token requests.
type ledger struct {
	mu      sync.Mutex
	entries []TokenRequest
	logouts []LogoutToken

	parallel bool
	serving  sync.Mutex
}

// LogoutToken is one that the application was sent, and the status of its answer.
type LogoutToken struct {
	Text   string
	Status int
}

func (l *ledger) noteLogout(text string, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logouts = append(l.logouts, LogoutToken{text, status})
}

func (l *ledger) allLogouts() []LogoutToken {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.logouts)
}

func (l *ledger) all() []TokenRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// noting serves one token request at a time, unless parallel: the in-memory stores of example
// servers are not all safe for more, and which of two comes first is of no
// interest here.
func (l *ledger) noting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := peek(r)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case form.Get("grant_type") == "":
			next.ServeHTTP(w, r)
		default:
			if !l.parallel {
				l.serving.Lock()
				defer l.serving.Unlock()
			}
			l.note(form, w, r, next)
		}
	})
}

func (l *ledger) note(form url.Values, w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	var body struct {
		Error            string `json:"error"`
		ErrorDescription string `json:"error_description"`
		RefreshToken     string `json:"refresh_token"`
		TokenType        string `json:"token_type"`
		AccessToken      string `json:"access_token"`
		IDToken          string `json:"id_token"`
	}
	_ = json.Unmarshal(answer.Body.Bytes(), &body) // what is no JSON has neither
	l.mu.Lock()
	l.entries = append(l.entries, TokenRequest{
		GrantType:        form.Get("grant_type"),
		RefreshToken:     form.Get("refresh_token"),
		Status:           answer.Code,
		Error:            body.Error,
		ErrorDescription: body.ErrorDescription,
		Issued:           body.RefreshToken,
		TokenType:        body.TokenType,
		AccessToken:      body.AccessToken,
		IDToken:          body.IDToken,
	})
	l.mu.Unlock()
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// peek reads the form of a POST and leaves it there to be read again.
func peek(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, nil // no form, and none of our business
	}
	return form, nil
}
