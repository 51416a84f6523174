package interop

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Form is an HTML form with what the page put into it. Of its buttons the first
// is the one that is pressed.
type Form struct {
	Action *url.URL
	Method string
	Values url.Values
	// text and password are the names of the fields for a person to fill.
	text, password string
}

// Fill enters who signs in where the form asks for it.
func (f Form) Fill(who Person) Form {
	if f.text != "" {
		f.Values.Set(f.text, who.Login)
	}
	if f.password != "" {
		f.Values.Set(f.password, who.Password)
	}
	return f
}

// Forms returns the forms of a page (HTML §4.10), in order.
func (p Page) Forms() ([]Form, error) {
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return nil, err
	}
	var forms []Form
	for node := range root.Descendants() {
		if node.Type != html.ElementNode || node.Data != "form" {
			continue
		}
		action, err := p.URL.Parse(attribute(node, "action"))
		if err != nil {
			return nil, err
		}
		form := Form{Action: action, Method: http.MethodGet, Values: url.Values{}}
		if strings.EqualFold(attribute(node, "method"), http.MethodPost) {
			form.Method = http.MethodPost
		}
		form.collect(root, node)
		forms = append(forms, form)
	}
	return forms, nil
}

// collect enters the controls that belong to the form: those inside it, and
// those anywhere that name it.
func (f *Form) collect(root, form *html.Node) {
	pressed := false
	for node := range root.Descendants() {
		if node.Type != html.ElementNode || !belongs(node, form) {
			continue
		}
		name, kind := attribute(node, "name"), strings.ToLower(attribute(node, "type"))
		switch {
		case node.Data == "button" || node.Data == "input" && kind == "submit":
			if !pressed && name != "" {
				f.Values.Set(name, attribute(node, "value"))
			}
			pressed = true
		case node.Data != "input" || name == "":
		case kind == "password":
			f.password = name
		case kind == "" || kind == "text" || kind == "email":
			f.text = name
			fallthrough
		default:
			f.Values.Set(name, attribute(node, "value"))
		}
	}
}

// Link returns where the first link goes whose text has these words; nil when
// there is none.
func (p Page) Link(words string) (*url.URL, error) {
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return nil, err
	}
	for node := range root.Descendants() {
		if node.Type != html.ElementNode || node.Data != "a" {
			continue
		}
		for inner := range node.Descendants() {
			if inner.Type == html.TextNode && strings.Contains(inner.Data, words) {
				return p.URL.Parse(attribute(node, "href"))
			}
		}
	}
	return nil, nil
}

func belongs(node, form *html.Node) bool {
	if id := attribute(node, "form"); id != "" {
		return id == attribute(form, "id")
	}
	for ancestor := range node.Ancestors() {
		if ancestor == form {
			return true
		}
	}
	return false
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
