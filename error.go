package gatehouse

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
)

// Error is a refusal with two faces: Status, Message and Link are for whoever
// asked, Cause is for the log and never reaches the wire.
//
// Returned from [Config.Admit] with a 4xx status it refuses the person with
// that message. Every answer the library refuses with reaches
// [Config.ErrorHandler] as an *Error.
type Error struct {
	// Status is the HTTP status to answer with, 400 to 599; anything else counts
	// as 500.
	Status int
	// Message is public: a sentence or two that say what to do next. Empty
	// means the standard text of Status.
	Message string
	// Cause is private and may be nil.
	Cause error
	// Link is a local path that leads on, such as the login URL of a 401;
	// empty for the application's start page.
	Link string
	// RetryAfter, when positive, becomes the Retry-After header (RFC 9110
	// §10.2.3), in whole seconds.
	RetryAfter time.Duration
	// Page tells [Config.ErrorHandler] that a person will look at the answer: the
	// request is a navigation, or is for the login or callback endpoint and doesn't say
	// that it is none, and it isn't one behind [Gate.API]. Elsewhere it means nothing.
	Page bool

	title, label string // of the page and its link, where Status doesn't say it well
}

// retryAfter is how soon who was answered 503 may come again.
const retryAfter = 2 * time.Second

// Error says both faces, for the log. It is not meant for the wire.
func (e *Error) Error() string {
	said := fmt.Sprintf("%d %s", e.status(), orDefault(e.Message, http.StatusText(e.status())))
	if e.Cause == nil {
		return said
	}
	return fmt.Sprintf("%s: %v", said, e.Cause)
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) status() int {
	if e.Status < 400 || e.Status > 599 {
		return http.StatusInternalServerError
	}
	return e.Status
}

func (e *Error) message() string {
	if e.Message == "" {
		return http.StatusText(e.status()) + "."
	}
	return e.Message
}

// filled is e with the defaults in their place, for handlers that write what it
// says.
func (e *Error) filled(page bool) *Error {
	filled := *e
	filled.Status, filled.Message, filled.Page = e.status(), e.message(), page
	return &filled
}

// refuses reports whether the error is somebody's decision rather than a
// failure: a 4xx with a public message.
func refuses(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) && refusal.status() < 500
}

// Fail answers the request with err: a page for navigations, a problem
// document (RFC 9457) for everybody else. An err that is, or wraps, an [*Error]
// decides status and message; any other is a 500 that says nothing. The cause
// goes to the log. Handlers may call Fail for errors of their own.
//
// Fail sets Cache-Control, X-Content-Type-Options, Referrer-Policy and a
// Content-Security-Policy that forbids framing, then calls
// [Config.ErrorHandler] where there is one, whose answer counts if it writes any.
func (g *Gate) Fail(w http.ResponseWriter, r *http.Request, err error) {
	var failure *Error
	if !errors.As(err, &failure) {
		failure = &Error{Status: http.StatusInternalServerError, Cause: err}
	}
	if g.provider == nil && failure.Link != "" { // there is nowhere to sign in
		failure = &Error{Status: failure.Status, Message: failure.Message, Cause: failure.Cause, RetryAfter: failure.RetryAfter}
	}
	g.logFailure(r, failure)
	g.pages.headers(w)
	if failure.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(failure.RetryAfter))
	}
	g.challengeOn(w, r, failure)
	page := g.showsPage(r)
	if g.config.ErrorHandler != nil && g.handedOver(w, r, failure.filled(page)) {
		return
	}
	g.pages.fail(w, failure, page)
}

// showsPage reports whether the answer is for people to look at.
func (g *Gate) showsPage(r *http.Request) bool {
	v := g.visit(r.Context())
	return (v == nil || !v.program) && (fetchmeta.Document(r) || g.visited(r))
}

// visited reports whether the request is a visit to an endpoint that only people come
// to, as far as it says.
func (g *Gate) visited(r *http.Request) bool {
	login, callback := g.config.AuthPath+"/login", g.config.AuthPath+"/callback"
	return (r.URL.Path == login || r.URL.Path == callback) && fetchmeta.Silent(r)
}

// handedOver lets the application's own handler answer. Where that writes nothing, or
// panics before it has begun to, the built-in answer takes its place; half of one is
// cut off.
func (g *Gate) handedOver(w http.ResponseWriter, r *http.Request, failure *Error) (answered bool) {
	answer := &begun{ResponseWriter: w}
	defer func() {
		cause := recover()
		if cause == http.ErrAbortHandler || cause != nil && answer.wrote {
			panic(cause)
		}
		if cause != nil {
			g.log.LogAttrs(r.Context(), slog.LevelError, "gatehouse: no answer", slog.Any("cause", caught.Error(cause, "ErrorHandler")))
		}
		if answered = answer.wrote; !answered {
			w.Header().Del("Content-Length")
			w.Header().Del("Content-Encoding")
			g.pages.headers(w)
		}
	}()
	g.config.ErrorHandler(answer, r, failure)
	return answer.wrote
}

func (g *Gate) logFailure(r *http.Request, failure *Error) {
	level := slog.LevelDebug
	if failure.status() >= 500 {
		level = slog.LevelError
	}
	g.log.LogAttrs(r.Context(), level, "gatehouse: request failed",
		slog.Int("status", failure.status()),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Any("cause", failure.Cause))
}
