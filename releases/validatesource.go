package releases

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// checkRef checks the name of a branch or tag by the rules of git
// check-ref-format, and refuses what a shell or a command line would take for
// something else: such a name is no accident.
func checkRef(ref string) error {
	switch {
	case ref == "":
		return errors.New("is missing: want a branch or a tag")
	case len(ref) > 255:
		return errors.New("is longer than 255 bytes")
	case strings.HasPrefix(ref, "-"):
		return fmt.Errorf("%q begins with '-'", ref)
	case strings.ContainsFunc(ref, unicode.IsControl):
		return fmt.Errorf("%q holds a control character", ref)
	case strings.ContainsFunc(ref, unicode.IsSpace):
		return fmt.Errorf("%q holds a blank", ref)
	case ref == "@", strings.Contains(ref, "@{"):
		return fmt.Errorf("%q: git gives '@' and '@{' a meaning of their own", ref)
	case strings.Contains(ref, ".."):
		return fmt.Errorf("%q holds '..'", ref)
	case strings.HasSuffix(ref, "."):
		return fmt.Errorf("%q ends with '.'", ref)
	}
	if i := strings.IndexAny(ref, "~^:?*[\\`$|&;<>'\"(){}!"); i >= 0 {
		return fmt.Errorf("%q holds %q, which no branch or tag here may", ref, ref[i])
	}
	for part := range strings.SplitSeq(ref, "/") {
		switch {
		case part == "":
			return fmt.Errorf("%q begins or ends with '/', or holds '//'", ref)
		case strings.HasPrefix(part, "."), strings.HasSuffix(part, ".lock"):
			return fmt.Errorf("%q: no part of it may begin with '.' or end with .lock", ref)
		}
	}
	return nil
}

// checkPath checks a path within a repository: relative, clean and with slashes.
func checkPath(p string) error {
	switch {
	case p == "":
		return errors.New("is missing")
	case len(p) > 1024:
		return errors.New("is longer than 1024 bytes")
	case strings.ContainsFunc(p, unicode.IsControl):
		return fmt.Errorf("%q holds a control character", p)
	case strings.Contains(p, `\`):
		return fmt.Errorf(`%q holds '\'; folders are divided by '/'`, p)
	case strings.HasPrefix(p, "/"):
		return fmt.Errorf("%q begins with '/'; want a path from the root of the repository", p)
	case p == ".." || strings.HasPrefix(p, "../") || strings.Contains(p, "/../") || strings.HasSuffix(p, "/.."):
		return fmt.Errorf("%q holds '..'", p)
	case path.Clean(p) != p:
		return fmt.Errorf("%q is not clean; write %s", p, path.Clean(p))
	}
	for part := range strings.SplitSeq(p, "/") {
		if strings.EqualFold(part, ".git") {
			return fmt.Errorf("%q leads into git's own folder", p)
		}
	}
	return nil
}

// A urlRule says what a URL is for. Beside its schemes http to this machine is
// good: what comes over plain http from elsewhere may be anybody's.
type urlRule struct {
	schemes []string
	want    string // the schemes as text
	example string
}

var (
	gitRule = urlRule{[]string{"https", "ssh", "file", "embedded"}, "https://, ssh://, file:// or embedded:",
		"https://github.com/owner/name.git"}
	composerRule = urlRule{[]string{"https", "file", "embedded"}, "https://, file:// or embedded:", packagist}
	publicRule   = urlRule{[]string{"https"}, "https://", "https://nightly.example.org/"}
)

// scpPattern is git's short form of an ssh URL: git@host:path.
var scpPattern = regexp.MustCompile(`^[\w.-]+@[\w.-]+:[^/].*$`)

// checkURL checks a URL by what it is for. Its messages repeat no user, password
// or query, which may be secret.
func checkURL(text string, rule urlRule) error {
	if text == "" {
		return fmt.Errorf("is missing: want a URL such as %s", rule.example)
	}
	blank := func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }
	if len(text) > 2048 || strings.ContainsFunc(text, blank) {
		return errors.New("is no URL: it holds blanks or control characters, or is longer than 2048 bytes")
	}
	if scpPattern.MatchString(text) {
		user, rest, _ := strings.Cut(text, ":")
		return fmt.Errorf("%q: write it as ssh://%s/%s", text, user, rest)
	}
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("is no URL; want one such as %s", rule.example)
	}
	if name, ok := IsEmbedded(text); ok && slices.Contains(rule.schemes, "embedded") {
		if !shortName.MatchString(name) {
			return fmt.Errorf("%q: want embedded: and a name", text)
		}
		return nil
	}
	return rule.check(u)
}

func (r urlRule) check(u *url.URL) error {
	plain := *u
	plain.User, plain.RawQuery, plain.Fragment = nil, "", ""
	_, secret := u.User.Password()
	switch {
	case secret, u.User != nil && u.Scheme != "ssh":
		return fmt.Errorf("%q: no user, password or token belongs in a release line; it is published with the night", &plain)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%q: plain http is only for this machine itself; use https", &plain)
	case u.Scheme != "http" && !slices.Contains(r.schemes, u.Scheme):
		return fmt.Errorf("%q: want %s, as in %s", &plain, r.want, r.example)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("%q: '?' and '#' have no place in it", &plain)
	case u.Scheme == "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return fmt.Errorf("%q: want three slashes and an absolute path, as in file:///srv/git/name", &plain)
		}
	case u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || strings.HasPrefix(u.User.Username(), "-"):
		return fmt.Errorf("%q names no host; want a URL such as %s", &plain, r.example)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *checker) gitURL(at, text string) bool      { return c.url(at, text, gitRule) }
func (c *checker) composerURL(at, text string) bool { return c.url(at, text, composerRule) }

// publicURL checks the base URL of the published repository: other URLs are made
// by putting paths behind it.
func (c *checker) publicURL(at, text string) {
	if c.url(at, text, publicRule) && !strings.HasSuffix(text, "/") {
		c.add(at, "%q has no slash at its end", text)
	}
}

func (c *checker) url(at, text string, rule urlRule) bool {
	if err := checkURL(text, rule); err != nil {
		c.add(at, "%v", err)
		return false
	}
	return true
}
