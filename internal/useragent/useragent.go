// Package useragent says in a few words what a User-Agent header stands for.
package useragent

import "strings"

// label is what a mark in the header stands for.
type label struct{ mark, name string }

// The first mark that is there counts: browsers name those they descend from,
// and systems those they resemble.
var (
	browsers = []label{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"},
		{"OPR/", "Opera"}, {"OPiOS/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"}, {"curl/", "curl"}, {"Go-http-client/", "a Go program"},
	}
	systems = []label{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// Describe returns a browser and the system it runs on, such as "Firefox on
// Windows", one of them where the other isn't known, and "" where neither is. It
// says nothing that tells two people with the same devices apart.
func Describe(header string) string {
	browser, system := find(browsers, header), find(systems, header)
	switch {
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func find(labels []label, header string) string {
	for _, l := range labels {
		if strings.Contains(header, l.mark) {
			return l.name
		}
	}
	return ""
}
