package cookie

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gorilla/securecookie"
)

// Config is what a [Jar] is told. Name and Codec are required.
type Config struct {
	// Name is the cookie's base name: 1 to 64 letters, digits, "_" and "-", not
	// beginning with "__". The prefix __Host- is put before it.
	Name string
	// Codec seals: one of [NewCodec], or gorilla/securecookie's with a block key,
	// SetSerializer(securecookie.NopEncoder{}) and MaxLength(0). One that only signs,
	// or opens what was changed, is a mistake.
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
	name       string // "" is a jar that never holds anything, see Member
	codec      securecookie.Codec
	clock      func() time.Time
	attributes string
}

// New returns a Jar. The error joins every mistake in the configuration.
func New(config Config) (*Jar, error) {
	sameSite, err := sameSite(config)
	jar := &Jar{name: "__Host-" + config.Name, codec: config.Codec, clock: config.Clock}
	jar.attributes = "; HttpOnly; Secure; SameSite=" + sameSite
	if config.InsecureHTTP {
		jar.name, jar.attributes = config.Name, "; HttpOnly; SameSite="+sameSite
	}
	if jar.clock == nil {
		jar.clock = time.Now
	}
	if err := errors.Join(checkName(config.Name), err, jar.checkCodec()); err != nil {
		return nil, err
	}
	return jar, nil
}

func sameSite(config Config) (string, error) {
	switch config.SameSite {
	case 0, http.SameSiteDefaultMode, http.SameSiteLaxMode:
		return "Lax", nil
	case http.SameSiteStrictMode:
		return "Strict", nil
	case http.SameSiteNoneMode:
		if config.InsecureHTTP {
			return "", errors.New("SameSite: None needs Secure, and so https")
		}
		return "None", nil
	}
	return "", fmt.Errorf("SameSite: unknown value %d", config.SameSite)
}

func checkName(name string) error {
	if !validName(name) {
		return fmt.Errorf("Name: must be 1 to 64 letters, digits, \"_\" or \"-\", is %q", name)
	}
	if strings.HasPrefix(name, "__") {
		return fmt.Errorf("Name: must not begin with \"__\", which browsers take for a prefix such as __Host-, is %q", name)
	}
	return nil
}

func validName(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// Name returns the cookie's full name, with its prefix.
func (j *Jar) Name() string { return j.name }

// maxExpires is a moment that no session reaches, in the year 36812.
const maxExpires = 1 << 40

// Seal returns value as sealed text that opens until expires, in whole seconds.
// Text sealed once can be Put many times. The error is a [*TooLargeError] when it
// would not fit into eight cookies.
//
// What the codec seals is expires as uvarint unix seconds, and then value.
func (j *Jar) Seal(value []byte, expires time.Time) (string, error) {
	plain := make([]byte, 0, binary.MaxVarintLen64+len(value))
	plain = binary.AppendUvarint(plain, uint64(min(max(expires.Unix(), 0), maxExpires)))
	text, err := j.encode(append(plain, value...))
	if err != nil {
		return "", err
	}
	_, err = j.split(text)
	return text, err
}

// Open returns the value of sealed text. The error is [ErrInvalid] or
// [ErrExpired].
func (j *Jar) Open(text string) ([]byte, error) {
	plain, err := j.decode(text)
	if err != nil {
		return nil, ErrInvalid
	}
	expires, n := binary.Uvarint(plain)
	if n <= 0 || expires > maxExpires {
		return nil, ErrInvalid
	}
	if !j.clock().Before(time.Unix(int64(expires), 0)) {
		return nil, ErrExpired
	}
	return plain[n:], nil
}

// decode asks our own codec without the detour over an interface, which costs an
// allocation.
func (j *Jar) decode(text string) ([]byte, error) {
	if codec, ours := j.codec.(*Codec); ours {
		return codec.open(j.name, text)
	}
	if len(text) > maxText {
		return nil, ErrInvalid
	}
	return j.decodeForeign(text)
}

// What a codec that isn't ours can't do, or panics at, isn't valid, or isn't sealed.
const whoseCodec = "cookie: the codec"

func (j *Jar) decodeForeign(text string) (plain []byte, err error) {
	defer caught.Into(&err, whoseCodec)
	err = j.codec.Decode(j.name, text, &plain)
	return plain, err
}

func (j *Jar) encode(plain []byte) (text string, err error) {
	defer caught.Into(&err, whoseCodec)
	return j.codec.Encode(j.name, plain)
}

// Get returns the value that the request carries: [Jar.Text], opened. The error
// is [ErrNoCookie], [ErrInvalid] or [ErrExpired].
func (j *Jar) Get(r *http.Request) ([]byte, error) {
	text, err := j.Text(r)
	if err != nil {
		return nil, err
	}
	return j.Open(text)
}

// Set seals value until expires and puts it into the response: [Jar.Seal] and
// [Jar.Put].
func (j *Jar) Set(w http.ResponseWriter, r *http.Request, value []byte, expires time.Time) error {
	text, err := j.Seal(value, expires)
	if err != nil {
		return err
	}
	return j.Put(w, r, text, expires)
}
