package gatehouse

import "net/http"

// redirect answers with a Location and nothing else. It doesn't use
// http.Redirect, which rewrites local paths.
func redirect(w http.ResponseWriter, r *http.Request, target string) {
	header := w.Header()
	noStore(header)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Location", target)
	if r.Method == http.MethodGet {
		w.WriteHeader(http.StatusFound)
		return
	}
	w.WriteHeader(http.StatusSeeOther)
}
