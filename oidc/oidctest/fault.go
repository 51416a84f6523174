package oidctest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// Fault is what goes wrong at an endpoint: a middleware in front of the honest
// answer, next. It is put there by [Provider.Intercept]. The request's context
// ends when the client is gone, and when the provider is closed.
type Fault func(next http.Handler) http.Handler

// Status answers a status and nothing else.
func Status(code int) Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
}

// OAuthError answers an error in the form of RFC 6749 §5.2.
func OAuthError(status int, code, description string) Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) {
		writeRefusal(w, refuse(status, code, description))
	})
}

// Body answers a body of the test's making.
func Body(status int, contentType, body string) Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		w.Write([]byte(body))
	})
}

// Redirect answers a redirect. A client that follows a 307 or 308 posts the form
// once more, secrets included.
func Redirect(status int, location string) Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	})
}

// Drop closes the connection without an answer, before anything is done. (It
// does so by panicking with [http.ErrAbortHandler], and so do the faults below.)
func Drop() Fault {
	return instead(func(w http.ResponseWriter, r *http.Request) { abort() })
}

// LoseAnswer does what the request asks for, and closes the connection without
// an answer: a refresh token is used up, and its successor never arrives.
func LoseAnswer() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			abort()
		})
	}
}

// Hang never answers: the connection is closed when the provider is.
func Hang() Fault { return Hold(nil) }

// Hold makes requests wait until release is closed. Then they are answered.
func Hold(release <-chan struct{}) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
				abort()
			}
		})
	}
}

// Delay answers later, by d.
func Delay(d time.Duration) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wait(r, d)
			next.ServeHTTP(w, r)
		})
	}
}

// Next has fault happen to the next n requests only.
func Next(n int, fault Fault) Fault {
	var left atomic.Int64
	left.Store(int64(n))
	return When(func(*http.Request) bool { return left.Add(-1) >= 0 }, fault)
}

// When has fault happen to those requests that match. r.PostForm is parsed.
func When(match func(r *http.Request) bool, fault Fault) Fault {
	return func(next http.Handler) http.Handler {
		faulty := fault(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r) {
				faulty.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// instead answers with f, and never honestly.
func instead(f http.HandlerFunc) Fault {
	return func(http.Handler) http.Handler { return f }
}

// wait returns after d, or doesn't when the request ends before.
func wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		abort()
	}
}

// abort closes the connection of the request that this goroutine serves.
func abort() { panic(http.ErrAbortHandler) }
