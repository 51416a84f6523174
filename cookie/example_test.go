package cookie_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gorilla/securecookie"
)

func Example() {
	codec, err := cookie.NewCodec([]cookie.Key{cookie.NewKey()}, "preferences")
	if err != nil {
		fmt.Println(err)
		return
	}
	jar, err := cookie.New(cookie.Config{Name: "prefs", Codec: codec})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	if err := jar.Set(answer, request, []byte("dark mode"), time.Now().Add(time.Hour)); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range answer.Result().Cookies() {
		fmt.Println(c.Name, c.HttpOnly, c.Secure)
		request.AddCookie(c)
	}
	value, err := jar.Get(request)
	fmt.Println(string(value), err)
	// Output:
	// __Host-prefs true true
	// dark mode <nil>
}

func ExampleParseKeys() {
	_, err := cookie.ParseKeys("dG9vIHNob3J0, AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	fmt.Println(err)
	// Output:
	// key 1: has 9 bytes, want 32
	// key 2: is not random: too few different bytes
}

// A new key goes in front: it seals from now on, and what the old one sealed
// still opens.
func ExampleParseKeys_rotation() {
	old := cookie.NewKey()
	before, _ := cookie.NewCodec([]cookie.Key{old})
	text, _ := before.Encode("greeting", []byte("hello"))

	keys, err := cookie.ParseKeys(cookie.NewKey().Encode() + "," + old.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	after, _ := cookie.NewCodec(keys)
	var value []byte
	err = after.Decode("greeting", text, &value)
	fmt.Println(string(value), err)
	// Output: hello <nil>
}

// Whatever prints a key prints something else.
func ExampleKey() {
	key := cookie.NewKey()
	encoded, _ := json.Marshal(map[string]any{"key": key})
	fmt.Printf("%v %x %s %s\n", key, key, encoded, slog.Any("key", key))
	fmt.Println(len(key.Encode()))
	// Output:
	// [redacted] [redacted] {"key":"[redacted]"} key=[redacted]
	// 44
}

// What is sealed for one purpose opens for no other.
func ExampleNewCodec() {
	keys := []cookie.Key{cookie.NewKey()}
	invitations, _ := cookie.NewCodec(keys, "invitation", "https://shop.example.com")
	resets, _ := cookie.NewCodec(keys, "password reset", "https://shop.example.com")

	text, _ := invitations.Encode("token", []byte("bob@example.com"))
	var value []byte
	fmt.Println(resets.Decode("token", text, &value))
	// Output: cookie: not valid
}

// A codec of gorilla/securecookie reads and writes what other programs with the
// same keys do.
func ExampleNew_gorilla() {
	hash, block := securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32)
	codec := securecookie.New(hash, block).SetSerializer(securecookie.NopEncoder{}).MaxLength(0)
	jar, err := cookie.New(cookie.Config{Name: "shared", Codec: codec})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := jar.Seal([]byte("hello"), time.Now().Add(time.Hour))
	value, err := jar.Open(text)
	fmt.Println(string(value), err)
	// Output: hello <nil>
}

// One answer is sealed and goes to all who ask at the same time, so that no
// browser mixes the pieces of two.
func ExampleJar_Put() {
	codec, _ := cookie.NewCodec([]cookie.Key{cookie.NewKey()})
	jar, _ := cookie.New(cookie.Config{Name: "session", Codec: codec})
	expires := time.Now().Add(time.Hour)
	var value []byte // of some size
	for range 200 {
		value = append(value, cookie.NewKey().Encode()...)
	}

	text, err := jar.Seal(value, expires)
	if err != nil {
		fmt.Println(err)
		return
	}
	var answers [2]*httptest.ResponseRecorder
	for i := range answers {
		answers[i] = httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		if err := jar.Put(answers[i], request, text, expires); err != nil {
			fmt.Println(err)
		}
	}
	one, other := answers[0].Result().Cookies(), answers[1].Result().Cookies()
	for i := range one {
		fmt.Println(one[i].Name, one[i].Value == other[i].Value)
	}
	// Output:
	// __Host-session true
	// __Host-session.1 true
	// __Host-session.2 true
}

// A family has a cookie for each of several things at once.
func ExampleJar_Member() {
	codec, _ := cookie.NewCodec([]cookie.Key{cookie.NewKey()}, "drafts")
	drafts, _ := cookie.New(cookie.Config{Name: "draft", Codec: codec})
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, id := range []string{"monday", "tuesday"} {
		text, _ := drafts.Member(id).Seal([]byte("dear "+id), time.Now().Add(time.Hour))
		request.AddCookie(&http.Cookie{Name: drafts.Member(id).Name(), Value: text})
	}

	for _, id := range drafts.Members(request) {
		value, err := drafts.Member(id).Get(request)
		fmt.Println(id, string(value), err)
	}
	// Output:
	// monday dear monday <nil>
	// tuesday dear tuesday <nil>
}

func ExampleTooLargeError() {
	codec, _ := cookie.NewCodec([]cookie.Key{cookie.NewKey()})
	jar, _ := cookie.New(cookie.Config{Name: "session", Codec: codec})
	_, err := jar.Seal(make([]byte, 100_000), time.Now().Add(time.Hour))
	if tooLarge, ok := errors.AsType[*cookie.TooLargeError](err); ok {
		fmt.Println(tooLarge.Size > tooLarge.Max)
	}
	// Output: true
}
