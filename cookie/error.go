package cookie

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is returned for whatever is not exactly what was sealed, under
	// this name and binding, by one of the keys. Why it isn't makes no difference.
	ErrInvalid = errors.New("cookie: not valid")
	// ErrNoCookie is returned when a request carries no cookie of this jar.
	ErrNoCookie = errors.New("cookie: none")
	// ErrExpired is returned for a cookie whose sealed expiry has passed.
	ErrExpired = errors.New("cookie: expired")
)

// TooLargeError is returned when a value does not fit. Nothing is written then.
type TooLargeError struct {
	// Size is how many bytes the sealed text has, or the value itself where that
	// alone is too much.
	Size int
	// Max is how many there may be.
	Max int
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("cookie: %d bytes do not fit, at most %d do", e.Size, e.Max)
}

// fits returns a TooLargeError when it doesn't.
func fits(size, most int) error {
	if size > most {
		return &TooLargeError{Size: size, Max: most}
	}
	return nil
}
