package gatetest

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
)

// Patterns returns the patterns that are registered on mux, sorted. net/http tells
// nobody, so they are read from where it keeps them; a version of Go that keeps
// them otherwise is an error, and never an empty list.
func Patterns(mux *http.ServeMux) ([]string, error) {
	control := http.NewServeMux()
	control.Handle(canary, http.NotFoundHandler())
	if found := patterns(control); !slices.Equal(found, []string{canary}) {
		return nil, errors.New("this version of Go doesn't show the patterns of a ServeMux; name them")
	}
	return patterns(mux), nil
}

const canary = "GET example.com/canary/{id}"

func patterns(mux *http.ServeMux) []string {
	found := map[string]bool{}
	walk(reflect.ValueOf(mux).Elem(), found)
	var list []string
	for pattern := range found {
		list = append(list, pattern)
	}
	slices.Sort(list)
	return list
}

// walk notes every pattern below v. It looks into no handler: those are
// interfaces.
func walk(v reflect.Value, found map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), found)
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			walk(entries.Value(), found)
		}
	case reflect.Struct:
		if text := v.FieldByName("str"); v.Type().Name() == "pattern" && text.IsValid() {
			found[text.String()] = true
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), found)
		}
	}
}
