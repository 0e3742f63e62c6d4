package stages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Render makes the relative URLs of Composer repository metadata absolute: every
// dist.url of a package's file becomes one below base, and so does the
// metadata-url of a packages.json. Everything else stays byte for byte; an
// absolute URL stays as it is. Base is an http, https or file URL; a slash at
// its end is added where it is missing.
//
// A relative URL is a path in the repository's folder, not yet escaped. One that
// leaves the folder is an error. Composer 2.5 resolves no relative URL itself,
// which is why they are made absolute when a repository is served or published.
func Render(metadata []byte, base string) ([]byte, error) {
	base, err := BaseURL(base)
	if err != nil {
		return nil, err
	}
	return mapURLs(metadata, func(ref string) (string, error) {
		if absolute.MatchString(ref) {
			return ref, nil
		}
		if !fs.ValidPath(ref) || ref == "." || strings.ContainsRune(ref, '\\') {
			return "", fmt.Errorf("render metadata: URL %q is neither absolute nor a path within the repository; write it as %s/<vendor>/<name>.zip", ref, DistsDir)
		}
		return DistURL(base, ref), nil
	})
}

// absolute matches a URL with a scheme and a host (RFC 3986, 3). A metadata-url
// cannot be parsed: the % of its placeholder is no escape.
var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// Rebase moves the URLs that Render makes absolute from one base to another. A
// URL that is not below the first stays as it is.
func Rebase(metadata []byte, from, to string) ([]byte, error) {
	from, err := BaseURL(from)
	if err != nil {
		return nil, err
	}
	if to, err = BaseURL(to); err != nil {
		return nil, err
	}
	return mapURLs(metadata, func(ref string) (string, error) {
		if path, ok := below(ref, from); ok {
			return DistURL(to, path), nil
		}
		return ref, nil
	})
}

// Unrender takes the base URL out of metadata again: it is what Render was given, if
// all its URLs lie below base. A URL that does not stays as it is.
func Unrender(metadata []byte, base string) ([]byte, error) {
	base, err := BaseURL(base)
	if err != nil {
		return nil, err
	}
	return mapURLs(metadata, func(ref string) (string, error) {
		if path, ok := below(ref, base); ok {
			return path, nil
		}
		return ref, nil
	})
}

// below is the path of a URL in the repository at a base, if it lies there.
func below(ref, base string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(ref, base)
	// The placeholder's % signs were not escaped.
	path, err := url.PathUnescape(strings.ReplaceAll(rest, "%package%", "%25package%25"))
	return path, ok && err == nil
}

// PathOf is the path in the repository at a base of the file that a URL names, if that lies
// there. Satis writes two slashes behind a base.
func PathOf(ref, base string) (path string, ok bool) {
	path, ok = below(ref, base)
	path = strings.TrimLeft(path, "/")
	return path, ok && fs.ValidPath(path) && path != "."
}

// BaseURL checks the base URL of a repository and gives it with a slash at its end.
func BaseURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("base URL of the repository: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file", u.Host == "" && u.Scheme != "file":
		return "", fmt.Errorf("base URL of the repository is %q; give an absolute one, as https://nightly.example.org/", base)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || strings.HasSuffix(base, "#"):
		return "", fmt.Errorf("base URL of the repository is %q; leave out user, query and fragment", u.Redacted())
	}
	return strings.TrimRight(base, "/") + "/", nil
}

// DistURL is where a dist lies in a repository. It leaves the % signs of a metadata-url's
// placeholder.
func DistURL(base, path string) string {
	escaped := (&url.URL{Path: "/" + path}).EscapedPath()[1:]
	if !strings.HasPrefix(base, "file:") { // which Composer opens as it is written
		escaped = strings.ReplaceAll(escaped, "+", "%2B") // object stores read a bare one as a blank
	}
	return base + strings.ReplaceAll(escaped, "%25package%25", "%package%")
}

// mapURLs applies change to the URLs of a packages.json or of a package's file.
// It replaces the bytes of these strings only: order, spacing and numbers of the
// rest stay as they are.
func mapURLs(metadata []byte, change func(string) (string, error)) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(metadata), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("render metadata: byte %d: %w", dec.InputOffset()+int64(len(dec.UnreadBuffer())), err)
	}
	start, err := dec.ReadToken()
	if err != nil {
		return fail(err)
	}
	if start.Kind() != jsontext.KindBeginObject {
		return nil, errors.New("render metadata: byte 1: not a JSON object")
	}
	var out []byte
	copied := 0 // bytes of metadata that are in out
	for dec.StackDepth() > 0 {
		if dec.PeekKind() != jsontext.KindString {
			if _, err := dec.ReadToken(); err != nil {
				return fail(err)
			}
			continue
		}
		raw, err := dec.ReadValue()
		if err != nil {
			return fail(err)
		}
		if !atURL(dec) {
			continue
		}
		var before string
		if err := json.Unmarshal(raw, &before); err != nil {
			return fail(err)
		}
		after, err := change(before)
		if err != nil {
			return nil, err
		}
		if after != before {
			end := int(dec.InputOffset())
			out = append(out, metadata[copied:end-len(raw)]...)
			if out, err = jsontext.AppendQuote(out, after); err != nil {
				return fail(err)
			}
			copied = end
		}
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("render metadata: more text behind the JSON object")
	}
	return append(out, metadata[copied:]...), nil
}

// atURL reports whether the string that was read last is the metadata-url of a
// packages.json, or the URL of the dist of a version of a package: versions are a list,
// or an object by version.
func atURL(dec *jsontext.Decoder) bool {
	depth := dec.StackDepth()
	if kind, parts := dec.StackIndex(depth); kind != jsontext.KindBeginObject || parts%2 != 0 {
		return false // the element of a list, or a key
	}
	switch depth {
	case 1:
		return dec.StackPointer() == "/metadata-url"
	case 5:
		at := string(dec.StackPointer())
		return strings.HasPrefix(at, "/packages/") && strings.HasSuffix(at, "/dist/url")
	}
	return false
}
