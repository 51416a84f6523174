package cookie

import (
	"errors"
	"iter"
	"net/http"
	"strings"
)

// A value that one cookie can't hold is split: the first piece has the jar's
// name, the others that name and ".1" to ".7", which no member of a family has.
// The first piece then begins with a mark and the number of pieces, so that a
// piece which an earlier, longer value left behind does no harm. Nothing depends
// on the number being true: all pieces together are authenticated as one.
const (
	// maxPieces is over how many cookies a value is split at most.
	maxPieces = 8
	// maxCookie bounds name and value of one cookie together. Browsers refuse more
	// than 4096 bytes (RFC 6265bis §5.6).
	maxCookie = 4095
	// maxText bounds sealed text, whatever the name.
	maxText = maxPieces * maxCookie
	// mark is in no base64 alphabet.
	mark = '~'
)

func (j *Jar) pieceName(i int) string {
	if i == 0 {
		return j.name
	}
	return j.name + "." + digit(i)
}

func digit(i int) string { return string(rune('0' + i)) }

var (
	errText   = errors.New("cookie: sealed text that a cookie can't hold")
	errMember = errors.New("cookie: a member's id must be 1 to 64 letters, digits, \"_\" or \"-\"")
)

// validText reports whether text is of cookie-octets (RFC 6265 §4.1.1) and can't
// be taken for the first of several pieces.
func validText(text string) bool {
	return text != "" && text[0] != mark && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '"' || r == ',' || r == ';' || r == '\\'
	})
}

// split returns the values of the cookies that hold text.
func (j *Jar) split(text string) ([]string, error) {
	if j.name == "" {
		return nil, errMember
	}
	if !validText(text) {
		return nil, errText
	}
	if len(j.name)+len(text) <= maxCookie {
		return []string{text}, nil
	}
	const markLength = 2
	room := maxCookie - len(j.pieceName(1))
	first := maxCookie - len(j.name) - markLength
	if err := fits(len(text), first+(maxPieces-1)*room); err != nil {
		return nil, err
	}
	pieces := []string{text[:first]}
	for rest := text[first:]; rest != ""; {
		n := min(room, len(rest))
		pieces, rest = append(pieces, rest[:n]), rest[n:]
	}
	pieces[0] = string(mark) + digit(len(pieces)) + pieces[0]
	return pieces, nil
}

// Text returns the sealed text that the request carries, its pieces joined. The
// error is [ErrNoCookie], or [ErrInvalid] when pieces are missing, too long or
// there twice. Whether the text is authentic is for [Jar.Open] to say.
func (j *Jar) Text(r *http.Request) (string, error) {
	carried := j.carried(r)
	if carried == (carriage{}) {
		return "", ErrNoCookie
	}
	count := carried.count()
	for _, piece := range carried[:count] {
		if piece.times != 1 || piece.value == "" || len(piece.value) > maxCookie {
			return "", ErrInvalid
		}
	}
	if count == 1 {
		return carried[0].value, nil
	}
	var text strings.Builder
	text.Grow(count * maxCookie)
	text.WriteString(carried[0].value[2:])
	for _, piece := range carried[1:count] {
		text.WriteString(piece.value)
	}
	return text.String(), nil
}

// carriage is what a request carries of a jar: the last value of each piece, and
// how many there were.
type carriage [maxPieces]struct {
	value string
	times int
}

// count is how many pieces the first one speaks of.
func (c *carriage) count() int {
	first := c[0].value
	if len(first) > 1 && first[0] == mark && first[1] > '1' && first[1] <= '0'+maxPieces {
		return int(first[1] - '0')
	}
	return 1
}

func (j *Jar) carried(r *http.Request) carriage {
	var c carriage
	for cookie := range cookies(r) {
		if i, value, ours := j.piece(cookie); ours {
			c[i].value = value
			c[i].times++
		}
	}
	return c
}

// Without returns a request that doesn't carry this jar's cookie, for one that is passed
// on to somebody whom it doesn't concern: r itself where it doesn't, otherwise a copy.
func (j *Jar) Without(r *http.Request) *http.Request {
	return without(r, func(cookie string) bool {
		_, _, ours := j.piece(cookie)
		return ours
	})
}

func without(r *http.Request, ours func(cookie string) bool) *http.Request {
	var others []string
	found := false
	for cookie := range cookies(r) {
		if ours(cookie) {
			found = true
		} else if cookie != "" {
			others = append(others, cookie)
		}
	}
	if !found {
		return r
	}
	bare := r.Clone(r.Context())
	bare.Header.Del("Cookie")
	if others != nil {
		bare.Header.Set("Cookie", strings.Join(others, "; "))
	}
	return bare
}

// piece splits "name=value" where the name is one of this jar's.
func (j *Jar) piece(cookie string) (i int, value string, ours bool) {
	rest, ours := strings.CutPrefix(cookie, j.name)
	switch {
	case !ours || j.name == "":
	case len(rest) > 0 && rest[0] == '=':
		return 0, rest[1:], true
	case len(rest) > 2 && rest[0] == '.' && rest[1] >= '1' && rest[1] < '0'+maxPieces && rest[2] == '=':
		return int(rest[1] - '0'), rest[3:], true
	}
	return 0, "", false
}

// cookies are the request's, as "name=value". Parsing them as net/http does
// costs microseconds on cookies this long. Of white space only what is in HTTP (RFC
// 9110 §5.6.3) is passed over, as browsers do before they look for a prefix: behind
// any other a sibling host could set a cookie that we took for one of __Host-.
func cookies(r *http.Request) iter.Seq[string] {
	return func(yield func(string) bool) {
		if r == nil {
			return
		}
		for _, line := range r.Header["Cookie"] {
			for cookie := range strings.SplitSeq(line, ";") {
				if !yield(strings.Trim(cookie, " \t")) {
					return
				}
			}
		}
	}
}
