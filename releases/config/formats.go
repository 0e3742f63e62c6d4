package config

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

// A Format checks what no pattern can say of a value. Its error is what is wrong,
// such as "holds a blank".
type Format = func(value any) error

// Text is the format of values that are text; what others are is said by their type.
func Text(check func(string) error) Format {
	return func(value any) error {
		if text, ok := value.(string); ok {
			return check(text)
		}
		return nil
	}
}

// Formats are those that every schema can name.
var Formats = map[string]Format{
	"git-ref":      Text(CheckRef),
	"path":         Text(CheckPath),
	"git-url":      Text(CheckGitURL),
	"composer-url": Text(composerURL.check),
	"public-url":   Text(publicURL.check),
	"folder-url":   Text(folderURL.check),
}

// CheckRef checks the name of a branch or tag by the rules of git
// check-ref-format, and refuses what a shell or a command line would take for
// something else: such a name is no accident.
func CheckRef(ref string) error {
	forbidden := func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("~^:?*[\\`$|&;<>'\"(){}!", r)
	}
	switch i := strings.IndexFunc(ref, forbidden); {
	case ref == "":
		return errors.New("is empty: want a branch or a tag")
	case len(ref) > 255:
		return errors.New("is longer than 255 bytes")
	case i >= 0:
		return fmt.Errorf("%q holds %q, which no branch or tag here may", ref, []rune(ref[i:])[0])
	case ref[0] == '-', ref == "@":
		return fmt.Errorf("%q: a command line would take it for something else", ref)
	case strings.HasSuffix(ref, "."):
		return fmt.Errorf("%q ends with '.'", ref)
	}
	for _, bad := range [][2]string{
		{"..", "holds '..'"}, {"//", "begins or ends with '/', or holds '//'"},
		{"/.", "has a part that begins with '.'"}, {".lock/", "has a part that ends with .lock"},
	} {
		if strings.Contains("/"+ref+"/", bad[0]) {
			return fmt.Errorf("%q %s", ref, bad[1])
		}
	}
	return nil
}

// CheckPath checks a path within a repository: relative, clean and with slashes.
func CheckPath(p string) error {
	switch {
	case p == "":
		return errors.New("is empty: want a path from the root of the repository")
	case len(p) > 1024 || strings.ContainsFunc(p, unicode.IsControl):
		return errors.New("is longer than 1024 bytes, or holds a control character")
	case strings.Contains(p, `\`):
		return fmt.Errorf(`%q holds '\'; folders are divided by '/'`, p)
	case p[0] == '/':
		return fmt.Errorf("%q begins with '/'; want a path from the root of the repository", p)
	case strings.Contains("/"+p+"/", "/../"):
		return fmt.Errorf("%q holds '..'", p)
	case path.Clean(p) != p:
		return fmt.Errorf("%q is not clean; write %s", p, path.Clean(p))
	case strings.Contains("/"+strings.ToLower(p)+"/", "/.git/"):
		return fmt.Errorf("%q leads into git's own folder", p)
	}
	return nil
}

// A urlRule says what a URL is for: its schemes, and one as an example. Beside
// these, http to this machine is good: what comes over plain http from elsewhere
// may be anybody's.
type urlRule struct {
	schemes []string
	example string
}

var (
	gitURL      = urlRule{[]string{"https", "ssh", "file", "embedded"}, "https://github.com/owner/name.git"}
	composerURL = urlRule{[]string{"https", "file", "embedded"}, "https://repo.packagist.org"}
	publicURL   = urlRule{[]string{"https"}, "https://nightly.example.org/"}
	folderURL   = urlRule{[]string{"file"}, "file:///srv/zips"}
)

// CheckGitURL checks the URL of a git repository. Like all that checks URLs it
// repeats no user, password or query, which may be secret.
func CheckGitURL(text string) error { return gitURL.check(text) }

var (
	scpPattern      = regexp.MustCompile(`^[\w.-]+@[\w.-]+:[^/].*$`)
	embeddedPattern = regexp.MustCompile(`^embedded:[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*$`)
)

// IsShortSSH says whether a text is git's short form of an ssh URL: git@host:path.
func IsShortSSH(text string) bool { return scpPattern.MatchString(text) }

func (rule urlRule) check(text string) error {
	unprintable := func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }
	if text == "" || len(text) > 2048 || strings.ContainsFunc(text, unprintable) {
		return fmt.Errorf("is no URL: it is empty, longer than 2048 bytes, or holds blanks; want one such as %s", rule.example)
	}
	if IsShortSSH(text) {
		user, rest, _ := strings.Cut(text, ":")
		return fmt.Errorf("%q: write it as ssh://%s/%s", text, user, rest)
	}
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("is no URL; want one such as %s", rule.example)
	}
	plain := *u
	plain.User, plain.RawQuery, plain.Fragment = nil, "", ""
	_, secret := u.User.Password()
	switch {
	case secret, u.User != nil && u.Scheme != "ssh":
		return fmt.Errorf("%q: no user, password or token belongs here; the file is published with what is built", &plain)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%q: plain http is only for this machine itself; use https", &plain)
	case u.Scheme != "http" && !slices.Contains(rule.schemes, u.Scheme):
		return fmt.Errorf("%q: want %s, as in %s", &plain, oneOf(rule.schemes), rule.example)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("%q: '?' and '#' have no place in it", &plain)
	case u.Scheme == "embedded" && !embeddedPattern.MatchString(text):
		return fmt.Errorf("%q: want embedded: and a name", text)
	case u.Scheme == "file" && (u.Host != "" || !strings.HasPrefix(u.Path, "/")):
		return fmt.Errorf("%q: want three slashes and an absolute path, as in file:///srv/git/name", &plain)
	case u.Scheme != "file" && u.Scheme != "embedded" && (u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || strings.HasPrefix(u.User.Username(), "-")):
		return fmt.Errorf("%q names no host; want a URL such as %s", &plain, rule.example)
	case len(rule.schemes) == 1 && rule.schemes[0] == "https" && !strings.HasSuffix(u.Path, "/"):
		return fmt.Errorf("%q has no slash at its end", &plain)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
