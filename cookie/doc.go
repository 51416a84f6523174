// Package cookie keeps bytes in sealed cookies: encrypted and authenticated as
// one unit, bound to their name and purpose, split over several cookies where
// one is too small, and valid until a moment that is sealed in with them.
//
//	keys, err := cookie.ParseKeys(os.Getenv("SESSION_KEYS"))
//	codec, err := cookie.NewCodec(keys, "preferences", "app.example.com")
//	jar, err := cookie.New(cookie.Config{Name: "prefs", Codec: codec})
//	…
//	err = jar.Set(w, r, value, time.Now().Add(time.Hour))
//	value, err := jar.Get(r)
//
// Cookies are HttpOnly, Secure, SameSite=Lax, Path=/, without Domain, and carry
// the __Host- prefix (RFC 6265bis §4.1.3.2), so that neither scripts nor
// sibling hosts nor plain http reach them.
package cookie
