package gatehouse

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// uncached is a ResponseWriter whose answer sets a cookie of ours: no cache may
// keep it, whatever the handler says, or it would hand out the session (RFC
// 9111 §7.3). It is the one case in which a handler of the application's gets
// another ResponseWriter than its own.
type uncached struct {
	http.ResponseWriter
	wrote   bool
	cookies []string    // Set-Cookie lines of ours, that the answer is to have
	late    func() bool // whether the browser has newer ones by now; nil for no
}

// seal makes the answer uncacheable, at the last moment, and puts back what a
// handler took out of it: http.TimeoutHandler replaces Set-Cookie by its
// handler's own, and a session that never arrives is lost.
func (u *uncached) seal() {
	if u.wrote {
		return
	}
	u.wrote = true
	header := u.Header()
	noStore(header)
	if u.late != nil && u.late() {
		u.takeBack(header)
		return
	}
	for _, line := range u.cookies {
		name, _, _ := strings.Cut(line, "=")
		if !slices.ContainsFunc(header["Set-Cookie"], func(set string) bool { return strings.HasPrefix(set, name+"=") }) {
			header.Add("Set-Cookie", line)
		}
	}
}

// takeBack has the answer set none of our cookies.
func (u *uncached) takeBack(header http.Header) {
	others := slices.DeleteFunc(header["Set-Cookie"], func(set string) bool { return slices.Contains(u.cookies, set) })
	if len(others) == 0 {
		delete(header, "Set-Cookie")
		return
	}
	header["Set-Cookie"] = others
}

// noStore has no cache keep an answer, whatever else was said of it: some caches have
// fields of their own that win over Cache-Control, by convention (RFC 9213 §2) or by
// older names.
func noStore(header http.Header) {
	for name := range header {
		switch known := http.CanonicalHeaderKey(name); {
		case strings.HasSuffix(known, "-Cache-Control"), known == "Cache-Control",
			known == "Surrogate-Control", known == "Edge-Control", known == "X-Accel-Expires":
			delete(header, name)
		}
	}
	header.Set("Cache-Control", "no-store")
}

// WriteHeader implements http.ResponseWriter. Informational answers go out as
// they are: the final header is still to come.
func (u *uncached) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		u.seal()
	}
	u.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (u *uncached) Write(b []byte) (int, error) {
	u.seal()
	return u.ResponseWriter.Write(b)
}

// ReadFrom keeps the sendfile path of the writer below.
func (u *uncached) ReadFrom(r io.Reader) (int64, error) {
	u.seal()
	return io.Copy(u.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (u *uncached) Flush() {
	u.seal()
	_ = http.NewResponseController(u.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (u *uncached) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(u.ResponseWriter).Hijack()
}

// Unwrap serves http.ResponseController.
func (u *uncached) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// begun is a ResponseWriter that knows whether an answer has begun.
type begun struct {
	http.ResponseWriter
	wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (b *begun) WriteHeader(status int) {
	b.wrote = b.wrote || status >= 200
	b.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (b *begun) Write(p []byte) (int, error) {
	b.wrote = true
	return b.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (b *begun) Flush() {
	b.wrote = true
	_ = http.NewResponseController(b.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (b *begun) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	b.wrote = true
	return http.NewResponseController(b.ResponseWriter).Hijack()
}

// Unwrap serves http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
