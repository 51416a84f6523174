// Package mistake says which field of a configuration is wrong, so that all that
// are can be reported together.
package mistake

import (
	"errors"
	"fmt"
	"time"
)

// Of is something wrong with a field.
func Of(field, what string) error { return fmt.Errorf("%s: %s", field, what) }

// Negative is a field that must not be negative; nil where it isn't.
func Negative[T int | time.Duration](field string, value T) error {
	if value >= 0 {
		return nil
	}
	return fmt.Errorf("%s: must not be negative, is %v", field, value)
}

// From is an error that came of a field; nil where there is none.
func From(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", field, err)
}

// Inside names the field in which mistakes are before each of them, joined or not;
// nil where there is none.
func Inside(field string, err error) error {
	switch err := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range err.Unwrap() {
			all = append(all, Inside(field, one))
		}
		return errors.Join(all...)
	}
	return fmt.Errorf("%s.%w", field, err)
}
