// Package browsertest clicks through examples/quickstart, and applications of its
// own, with a real Chromium.
//
// It needs a chromium on the PATH. Without one its tests are skipped, or fail
// where REQUIRE_BROWSER is 1. SCREENSHOTS names a directory to leave a picture
// of every page in: on a desktop and on a phone, light and dark.
package browsertest
