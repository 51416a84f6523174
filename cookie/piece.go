package cookie

import (
	"net/http"
	"strings"
)

// A value that one cookie can't hold is split: the first piece has the jar's
// name, the others that name and ".1" to ".7". The first character of the first
// piece is their number, so that a piece which an earlier, longer value left
// behind does no harm. Nothing depends on it being true: all pieces together are
// authenticated as one.

func pieceName(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "." + string(rune('0'+i))
}

// capacity is how much sealed text fits.
func (j *Jar) capacity() int {
	first := maxCookie - len(j.name) - 1
	return first + (maxPieces-1)*(maxCookie-len(j.name)-2)
}

func (j *Jar) split(text string) ([]string, error) {
	if len(text) > j.capacity() {
		return nil, &TooLargeError{Size: len(text), Max: j.capacity()}
	}
	var pieces []string
	for rest := "0" + text; rest != ""; { // the number comes last
		room := min(maxCookie-len(pieceName(j.name, len(pieces))), len(rest))
		pieces, rest = append(pieces, rest[:room]), rest[room:]
	}
	pieces[0] = string(rune('0'+len(pieces))) + pieces[0][1:]
	return pieces, nil
}

// Text returns the sealed text that the request carries, its pieces joined. The
// error is [ErrNoCookie], or [ErrInvalid] when pieces are missing, too long or
// there twice. Whether the text is authentic is for [Jar.Open] to say.
func (j *Jar) Text(r *http.Request) (string, error) {
	var pieces [maxPieces]string
	valid := true
	j.scan(r, func(i int, value string) bool {
		valid = pieces[i] == "" && value != "" && len(value) <= maxCookie
		pieces[i] = value
		return valid
	})
	if !valid {
		return "", ErrInvalid
	}
	if pieces == [maxPieces]string{} {
		return "", ErrNoCookie
	}
	if pieces[0] == "" {
		return "", ErrInvalid
	}
	count := int(pieces[0][0]) - '0'
	if count < 1 || count > maxPieces {
		return "", ErrInvalid
	}
	pieces[0] = pieces[0][1:]
	for _, piece := range pieces[1:count] {
		if piece == "" {
			return "", ErrInvalid
		}
	}
	if count == 1 {
		return pieces[0], nil
	}
	return strings.Join(pieces[:count], ""), nil
}

// scan calls found with every piece of this jar in the request, until it returns
// false. Parsing all cookies into values, as net/http would, costs microseconds
// on cookies this long.
func (j *Jar) scan(r *http.Request, found func(i int, value string) bool) {
	eachCookie(r, func(cookie string) bool {
		rest, ok := strings.CutPrefix(cookie, j.name)
		if !ok {
			return true
		}
		switch {
		case strings.HasPrefix(rest, "="):
			return found(0, rest[1:])
		case len(rest) > 3 && rest[0] == '.' && rest[1] >= '1' && rest[1] < '0'+maxPieces && rest[2] == '=':
			return found(int(rest[1]-'0'), rest[3:])
		}
		return true
	})
}

// eachCookie calls found with every "name=value" of the request, until it
// returns false.
func eachCookie(r *http.Request, found func(cookie string) bool) {
	if r == nil {
		return
	}
	for _, line := range r.Header["Cookie"] {
		for more := true; more; {
			var cookie string
			cookie, line, more = strings.Cut(line, ";")
			if !found(strings.Trim(cookie, " \t")) {
				return
			}
		}
	}
}
