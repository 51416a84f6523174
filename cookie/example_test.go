package cookie_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
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
