package stages

import (
	"net/url"
	"strings"
)

// Unrender takes the base URL out of metadata again: it is what Render was given, if
// all its URLs lie below base. A URL that does not stays as it is.
func Unrender(metadata []byte, base string) ([]byte, error) {
	base, err := BaseURL(base)
	if err != nil {
		return nil, err
	}
	return mapURLs(metadata, func(ref string) (string, error) {
		rest, ok := strings.CutPrefix(ref, base)
		if !ok {
			return ref, nil
		}
		// The placeholder's % signs were not escaped.
		plain, err := url.PathUnescape(strings.ReplaceAll(rest, "%package%", "%25package%25"))
		if err != nil {
			return ref, nil //nolint:nilerr // then it is no path that Render has escaped
		}
		return plain, nil
	})
}
