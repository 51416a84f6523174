package main

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed pages
var files embed.FS

// Each page is a layout with a main part.
var (
	homePage    = page("site.html", "home.html")
	profilePage = page("site.html", "profile.html")
	adminPage   = page("site.html", "admin.html")

	signInPage  = page("accounts.html", "signin.html")
	signOutPage = page("accounts.html", "signout.html")
	messagePage = page("accounts.html", "message.html")
)

// static serves style sheet, script and icons.
var static = http.FileServerFS(sub(files, "pages"))

func page(layout, main string) *template.Template {
	return template.Must(template.ParseFS(files, "pages/"+layout, "pages/"+main))
}

func sub(files fs.FS, dir string) fs.FS {
	inside, err := fs.Sub(files, dir)
	if err != nil {
		panic(err)
	}
	return inside
}

// show writes a page. There is no form-action in its policy: browsers apply it
// to redirects too, and both sign-in and sign-out end at the other origin.
func show(w http.ResponseWriter, status int, page *template.Template, data any) error {
	var body bytes.Buffer
	if err := page.Execute(&body, data); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := body.WriteTo(w)
	return err
}
