package cookie

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

const (
	// maxPieces is over how many cookies a value is split at most.
	maxPieces = 8
	// maxCookie bounds name and value of one cookie. Browsers refuse a cookie
	// when both together pass 4096 bytes.
	maxCookie = 4095
	maxText   = maxPieces * maxCookie
	// maxMembers bounds how many members of a family are looked at.
	maxMembers = 64
)

var (
	// ErrNoCookie is returned when a request carries no cookie of this jar.
	ErrNoCookie = errors.New("cookie: none")
	// ErrExpired is returned for a cookie whose sealed expiry has passed.
	ErrExpired = errors.New("cookie: expired")
)

// TooLargeError is returned when a value does not fit into eight cookies.
type TooLargeError struct {
	Size int // bytes of sealed text
	Max  int // that this jar can hold
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("cookie: %d bytes do not fit into %d cookies, which hold %d", e.Size, maxPieces, e.Max)
}

// Config is what a [Jar] is told. Name and Codec are required.
type Config struct {
	// Name is the cookie's base name: letters, digits, "_" and "-". The prefix
	// __Host- is put before it.
	Name string
	// Codec seals: one of [NewCodec], or gorilla/securecookie's with
	// SetSerializer(securecookie.NopEncoder{}) and MaxLength(0).
	Codec securecookie.Codec
	// SameSite is SameSite=Lax by default. SameSite=None is for cookies that a
	// cross-site POST must carry.
	SameSite http.SameSite
	// InsecureHTTP leaves out Secure and the __Host- prefix, for plain http on
	// loopback, where not every browser keeps Secure cookies.
	InsecureHTTP bool
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
}

// Jar keeps one value in the cookies of a browser. It is immutable and safe for
// concurrent use.
type Jar struct {
	name       string
	codec      securecookie.Codec
	clock      func() time.Time
	attributes string
}

// New returns a Jar. The error joins every mistake in the configuration.
func New(config Config) (*Jar, error) {
	var mistakes []error
	if !validName(config.Name) {
		mistakes = append(mistakes, fmt.Errorf("Name: must be 1 to 64 letters, digits, \"_\" or \"-\", is %q", config.Name))
	}
	if config.Codec == nil {
		mistakes = append(mistakes, mistake("Codec", "is required"))
	}
	sameSite := "Lax"
	switch config.SameSite {
	case 0, http.SameSiteDefaultMode, http.SameSiteLaxMode:
	case http.SameSiteStrictMode:
		sameSite = "Strict"
	case http.SameSiteNoneMode:
		sameSite = "None"
		if config.InsecureHTTP {
			mistakes = append(mistakes, mistake("SameSite", "None needs Secure, and so https"))
		}
	default:
		mistakes = append(mistakes, fmt.Errorf("SameSite: unknown value %d", config.SameSite))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	jar := &Jar{name: "__Host-" + config.Name, codec: config.Codec, clock: config.Clock}
	jar.attributes = "; HttpOnly; Secure; SameSite=" + sameSite
	if config.InsecureHTTP {
		jar.name, jar.attributes = config.Name, "; HttpOnly; SameSite="+sameSite
	}
	if jar.clock == nil {
		jar.clock = time.Now
	}
	return jar, nil
}

// mistake is something wrong with a field.
func mistake(field, what string) error { return fmt.Errorf("%s: %s", field, what) }

func validName(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// Name returns the cookie's full name, with its prefix.
func (j *Jar) Name() string { return j.name }

// Seal returns value as sealed text that opens until expires, in whole seconds.
// Text sealed once can be Put many times. The error is a [*TooLargeError] when it
// would not fit.
func (j *Jar) Seal(value []byte, expires time.Time) (string, error) {
	if len(value) > maxPlain-binary.MaxVarintLen64 {
		return "", &TooLargeError{Size: len(value), Max: j.capacity()}
	}
	plain := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(value)), uint64(max(expires.Unix(), 0)))
	text, err := j.codec.Encode(j.name, append(plain, value...))
	if err != nil {
		return "", err
	}
	if len(text) > j.capacity() {
		return "", &TooLargeError{Size: len(text), Max: j.capacity()}
	}
	return text, nil
}

// Open returns the value of sealed text, or [ErrInvalid] or [ErrExpired].
func (j *Jar) Open(text string) ([]byte, error) {
	var plain []byte
	if codec, ok := j.codec.(*Codec); ok {
		var err error
		if plain, err = codec.open(j.name, text); err != nil {
			return nil, ErrInvalid
		}
	} else if err := j.codec.Decode(j.name, text, &plain); err != nil {
		return nil, ErrInvalid
	}
	expires, n := binary.Uvarint(plain)
	if n <= 0 || expires > 1<<40 {
		return nil, ErrInvalid
	}
	if !j.clock().Before(time.Unix(int64(expires), 0)) {
		return nil, ErrExpired
	}
	return plain[n:], nil
}

// Get returns the value that the request carries. The error is [ErrNoCookie],
// [ErrInvalid] or [ErrExpired].
func (j *Jar) Get(r *http.Request) ([]byte, error) {
	text, err := j.Text(r)
	if err != nil {
		return nil, err
	}
	return j.Open(text)
}

// Set seals value until expires and puts it into the response. r is the request
// that is answered: cookies of an earlier, longer value that it carries are
// removed.
func (j *Jar) Set(w http.ResponseWriter, r *http.Request, value []byte, expires time.Time) error {
	text, err := j.Seal(value, expires)
	if err != nil {
		return err
	}
	return j.Put(w, r, text, expires)
}

// Put puts sealed text into the response, for browsers to keep until expires.
// The same text gives the same cookies, so that several answers can carry it and
// their pieces still fit together.
func (j *Jar) Put(w http.ResponseWriter, r *http.Request, text string, expires time.Time) error {
	pieces, err := j.split(text)
	if err != nil {
		return err
	}
	lives := int64(expires.Sub(j.clock()) / time.Second)
	if lives <= 0 {
		return ErrExpired
	}
	header := w.Header()
	for i, piece := range pieces {
		header.Add("Set-Cookie", pieceName(j.name, i)+"="+piece+"; Path=/; Max-Age="+strconv.FormatInt(lives, 10)+j.attributes)
	}
	j.clear(w, r, len(pieces))
	return nil
}

// Clear removes every cookie of this jar that the request carries.
func (j *Jar) Clear(w http.ResponseWriter, r *http.Request) { j.clear(w, r, 0) }

func (j *Jar) clear(w http.ResponseWriter, r *http.Request, from int) {
	var carried [maxPieces]bool
	j.scan(r, func(i int, _ string) bool {
		carried[i] = true
		return true
	})
	for i := from; i < maxPieces; i++ {
		if carried[i] {
			w.Header().Add("Set-Cookie", pieceName(j.name, i)+"=; Path=/; Max-Age=0"+j.attributes)
		}
	}
}

// Member returns a jar for one member of a family of cookies: its name is this
// jar's, a "-" and id, which must be valid in a name.
func (j *Jar) Member(id string) *Jar {
	member := *j
	member.name = j.name + "-" + id
	return &member
}

// Members returns the ids of the members that the request carries, in its order,
// each once; at most 64 of them.
func (j *Jar) Members(r *http.Request) []string {
	var ids []string
	seen := map[string]bool{}
	eachCookie(r, func(cookie string) bool {
		rest, ok := strings.CutPrefix(cookie, j.name)
		if !ok || !strings.HasPrefix(rest, "-") {
			return true
		}
		id, _, _ := strings.Cut(rest[1:], "=")
		id, _, _ = strings.Cut(id, ".")
		if validName(id) && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
		return len(ids) < maxMembers
	})
	return ids
}
