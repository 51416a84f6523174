package oidctest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// Slow answers honestly, one byte every interval.
func Slow(interval time.Duration) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, r)
			for name, values := range recorder.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(recorder.Code)
			for _, b := range recorder.Body.Bytes() {
				wait(r, interval)
				send(w, r, []byte{b})
			}
		})
	}
}

// Endless answers a JSON object that doesn't end before the client is gone or
// the provider closed.
func Endless() Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		send(w, r, []byte(bombHead))
		for chunk := []byte(strings.Repeat("A", 32<<10)); ; {
			send(w, r, chunk)
		}
	})
}

// GzipBomb answers a JSON object that takes 1 MiB on the wire and 1 GiB once it
// is decompressed (which net/http's client does unasked).
func GzipBomb() Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		// One stream may follow another (RFC 1952 §2.2).
		send(w, r, compressed(bombHead))
		for chunk, i := compressed(strings.Repeat("A", 1<<20)), 0; i < 1<<10; i++ {
			send(w, r, chunk)
		}
		send(w, r, compressed(bombTail))
	})
}

const bombHead, bombTail = `{"padding":"`, `"}`

func compressed(text string) []byte {
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	// A buffer fails no write.
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return buffer.Bytes()
}

// send writes b at once, and gives up when nobody listens any more.
func send(w http.ResponseWriter, r *http.Request, b []byte) {
	if _, err := w.Write(b); err != nil || r.Context().Err() != nil {
		abort()
	}
	// Without a Flush the bytes are only sent later.
	_ = http.NewResponseController(w).Flush()
}
