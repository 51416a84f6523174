// Package cookie keeps bytes in sealed cookies: encrypted and authenticated as
// one unit, bound to their name and purpose, split over several cookies where
// one is too small, and valid until a moment that is sealed in with them.
//
//	keys, err := cookie.ParseKeys(os.Getenv("SESSION_KEYS")) // openssl rand -base64 32
//	codec, err := cookie.NewCodec(keys, "preferences", "https://app.example.com")
//	jar, err := cookie.New(cookie.Config{Name: "prefs", Codec: codec})
//	…
//	err = jar.Set(w, r, value, time.Now().Add(time.Hour)) // before the body is written
//	value, err := jar.Get(r) // ErrNoCookie, ErrInvalid, ErrExpired: nobody is there
//	jar.Clear(w, r)
//
// Cookies are HttpOnly, Secure, SameSite=Lax, Path=/, without Domain, and carry
// the __Host- prefix (RFC 6265bis §4.1.3.2), so that neither scripts nor
// sibling hosts nor plain http reach them. What sets one should also say
// Cache-Control: no-store.
//
// # Keys
//
// The first key seals and every key opens. To rotate, put a new key in front,
// and take the old one away when everything sealed with it has expired. Several
// servers share cookies by sharing the list; a new key must be at the end of
// every server's list before it comes first in any.
//
// # What is promised
//
// Whatever was changed, cut, mixed from two values, sealed for another name or
// binding, or made up, is [ErrInvalid]: nothing is decompressed or believed
// before all of it is authenticated. That is XAES-256-GCM
// (https://c2sp.org/XAES-256-GCM), with a limit of messages that nobody reaches.
// Expiry is in the sealed unit, and does not depend on the browser.
//
// Not promised: that a cookie is presented once, or that one which was cleared
// or replaced never comes back. Whoever copied it can present it until it
// expires. Nor that nobody sees which cookies one process sealed: the first half
// of their nonces, 16 characters, is the same for up to 2^24 of them, so that its
// key need not be derived for each.
//
// Values are compressed, and their length can be seen. Don't seal a secret
// together with text that a stranger may choose again and again.
//
// # Sizes
//
// A value takes one cookie where its text fits in 4,095 bytes with the name,
// which are 3,000 random bytes, or some 6,000 of JSON and tokens; and up to
// eight cookies, so 24,400 random bytes. Past that, setting it is a
// [TooLargeError], and nothing is written. Mind the server and its proxies,
// many of which refuse a request with more than 8 KiB or 16 KiB of headers.
//
// # Many at once
//
// Pieces of two sealings don't fit together. Where several answers may set the
// same value at the same time, [Jar.Seal] it once and [Jar.Put] it into each.
// Where several values live side by side, [Jar.Member] gives each its cookie.
//
// # Sharing cookies with gorilla/securecookie
//
// A codec of gorilla's in [Config] makes the value of a cookie exactly what its
// Encode returns, for the cookie's full name and for the value behind its expiry
// in uvarint unix seconds. Other programs with the same keys can read and write
// it. Only a value that takes several cookies has more: the first begins with
// "~" and their number.
package cookie
