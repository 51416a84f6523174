package cookie

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Put puts sealed text into the response, for browsers to keep until expires, rounded
// up to a second; they cap that at 400 days. The same text gives the same cookies, so that
// several answers can carry it and their pieces still fit together.
//
// r is the request that is answered: pieces of an earlier, longer value that it
// carries are removed. What this response already said of the jar is taken back,
// so that the last word holds and no name is set twice (RFC 6265 §4.1.1). r may be
// nil when there is no such request.
//
// The error is [ErrExpired] when less than a second is left until expires, a
// [*TooLargeError], or says that text is nothing a codec sealed, or that the jar
// is of an invalid [Jar.Member]. Nothing is written then.
func (j *Jar) Put(w http.ResponseWriter, r *http.Request, text string, expires time.Time) error {
	pieces, err := j.split(text)
	if err != nil {
		return err
	}
	left := expires.Sub(j.clock())
	if left < time.Second {
		return ErrExpired
	}
	seconds := int64(left / time.Second)
	if left%time.Second != 0 { // rounded up, where adding could be more than a Duration holds
		seconds++
	}
	j.answer(w, r, pieces, seconds)
	return nil
}

// Clear removes every cookie of this jar that the request carries, and takes
// back what the response said of it. It writes nothing when there is none.
func (j *Jar) Clear(w http.ResponseWriter, r *http.Request) { j.answer(w, r, nil, 0) }

// answer replaces what the response says of this jar.
func (j *Jar) answer(w http.ResponseWriter, r *http.Request, pieces []string, seconds int64) {
	header := w.Header()
	lines := slices.DeleteFunc(header["Set-Cookie"], func(line string) bool {
		_, _, ours := j.piece(line)
		return ours
	})
	for i, piece := range pieces {
		lines = append(lines, j.line(i, piece, seconds))
	}
	carried := j.carried(r)
	for i := len(pieces); i < maxPieces; i++ {
		if carried[i].times > 0 {
			lines = append(lines, j.line(i, "", 0))
		}
	}
	if len(lines) == 0 {
		delete(header, "Set-Cookie")
		return
	}
	header["Set-Cookie"] = lines
}

// line is a Set-Cookie header (RFC 6265bis §4.1.1). Removing takes the same
// attributes as setting: a __Host- cookie without Secure or Path=/ is ignored.
func (j *Jar) line(i int, value string, seconds int64) string {
	return j.pieceName(i) + "=" + value + "; Path=/; Max-Age=" + strconv.FormatInt(seconds, 10) + j.attributes
}
