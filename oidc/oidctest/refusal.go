package oidctest

import (
	"errors"
	"net/http"
)

// refusal is an error answer of OAuth (RFC 6749 §5.2).
type refusal struct {
	status            int
	code, description string
}

func (e *refusal) Error() string { return e.code + ": " + e.description }

func refuse(status int, code, description string) error {
	return &refusal{status, code, description}
}

// asRefusal returns what err says to the outside.
func asRefusal(err error) *refusal {
	var e *refusal
	if errors.As(err, &e) {
		return e
	}
	return &refusal{http.StatusInternalServerError, "server_error", err.Error()}
}

// writeRefusal answers err as JSON.
func writeRefusal(w http.ResponseWriter, err error) {
	e := asRefusal(err)
	if e.code == "invalid_client" && e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="oidctest"`)
	}
	writeJSON(w, e.status, map[string]any{"error": e.code, "error_description": e.description})
}

// writeJSON answers a document.
func writeJSON(w http.ResponseWriter, status int, document map[string]any) {
	text := marshal(document)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text)
}
