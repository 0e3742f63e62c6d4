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
		return base + escapePath(ref), nil
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
		if rest, ok := strings.CutPrefix(ref, from); ok {
			return to + rest, nil
		}
		return ref, nil
	})
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

// escapePath escapes a path for a URL but leaves the % signs of a metadata-url's
// placeholder.
func escapePath(p string) string {
	escaped := (&url.URL{Path: "/" + p}).EscapedPath()[1:]
	return strings.ReplaceAll(escaped, "%25package%25", "%package%")
}

// mapURLs applies change to the URLs of a packages.json or of a package's file.
// It replaces the bytes of these strings only: order, spacing and numbers of the
// rest stay as they are.
func mapURLs(metadata []byte, change func(string) (string, error)) ([]byte, error) {
	s := splicer{dec: json.NewDecoder(bytes.NewReader(metadata)), src: metadata, change: change}
	if err := s.object(s.root); err != nil {
		return nil, err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("render metadata: more text behind the JSON object")
	}
	return append(s.out, metadata[s.copied:]...), nil
}

// A splicer copies JSON and replaces some of its strings on the way.
type splicer struct {
	dec    *json.Decoder
	src    []byte
	out    []byte
	copied int // bytes of src that are in out
	change func(string) (string, error)
}

func (s *splicer) root(key string) error {
	switch key {
	case "metadata-url":
		return s.url()
	case "packages":
		return s.container(s.versions)
	}
	return s.skip()
}

// versions reads all versions of one package: a list, or an object by version.
func (s *splicer) versions(string) error {
	return s.container(func(string) error { return s.container(s.version) })
}

func (s *splicer) version(key string) error {
	if key == "dist" {
		return s.container(s.dist)
	}
	return s.skip()
}

func (s *splicer) dist(key string) error {
	if key == "url" {
		return s.url()
	}
	return s.skip()
}

// object reads an object and hands each key to member, which reads the value.
func (s *splicer) object(member func(key string) error) error {
	start, err := s.token()
	if err != nil {
		return err
	}
	if start != json.Delim('{') {
		return fmt.Errorf("render metadata: byte %d: not a JSON object", s.dec.InputOffset())
	}
	return s.members(true, member)
}

// container reads an object or a list, or passes over any other value.
func (s *splicer) container(member func(key string) error) error {
	start, err := s.token()
	if err != nil {
		return err
	}
	if start == json.Delim('{') || start == json.Delim('[') {
		return s.members(start == json.Delim('{'), member)
	}
	return nil
}

func (s *splicer) members(keyed bool, member func(key string) error) error {
	for s.dec.More() {
		key := ""
		if keyed {
			token, err := s.token()
			if err != nil {
				return err
			}
			key, _ = token.(string)
		}
		if err := member(key); err != nil {
			return err
		}
	}
	_, err := s.token()
	return err
}

func (s *splicer) token() (json.Token, error) {
	token, err := s.dec.Token()
	if err != nil {
		return nil, s.fail(err)
	}
	return token, nil
}

func (s *splicer) skip() error {
	var raw json.RawMessage
	if err := s.dec.Decode(&raw); err != nil {
		return s.fail(err)
	}
	return nil
}

// url reads a value and, if it is a string, replaces it.
func (s *splicer) url() error {
	var raw json.RawMessage
	if err := s.dec.Decode(&raw); err != nil {
		return s.fail(err)
	}
	var before string
	if raw[0] != '"' {
		return nil
	}
	if err := json.Unmarshal(raw, &before); err != nil {
		return s.fail(err)
	}
	after, err := s.change(before)
	if err != nil || after == before {
		return err
	}
	end := int(s.dec.InputOffset())
	s.out = append(s.out, s.src[s.copied:end-len(raw)]...)
	quoted, err := quote(after)
	if err != nil {
		return s.fail(err)
	}
	s.out = append(s.out, quoted...)
	s.copied = end
	return nil
}

func (s *splicer) fail(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("render metadata: byte %d: %w", s.dec.InputOffset(), err)
}

// quote writes a JSON string without escaping slashes or HTML, as Composer does.
func quote(text string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(text)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
