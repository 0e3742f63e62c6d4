package lines

import (
	"cmp"
	"path"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// A Pull is a pull request, or a branch of a fork, for a repository of a line.
type Pull struct {
	Repository string // its name in the line
	// Merged is what is known of it before its repository is asked. Its commit is empty, or
	// begins as the head has to.
	releases.Merged
}

const gitHub = "https://github.com/"

var (
	// pullRequest is one at GitHub, as people write it, or the URL of its page; behind it the
	// head that it has to have.
	pullRequest = regexp.MustCompile(`^(https?://[^/=]+/)?([\w.-]+/[\w.-]+)(?:#|/pull/)([1-9]\d*)(?:@([0-9a-f]{10,40})|[/?#].*)?$`)
	forkBranch  = regexp.MustCompile(`^(?:([\w.-]+)=)?(https?://[^/=@]+/)?([\w.-]+/[\w.-]+)@([^@]+)$`) // without a password: its URL stands in the plan
)

// ParsePull reads a pull request, as OWNER/REPOSITORY#123, #123@COMMIT or the URL of its page,
// or a branch of a fork, as OWNER/REPOSITORY@BRANCH. A fork is of the line's repository that
// is named as it, or before it: NAME=OWNER/REPOSITORY@BRANCH. The error is a *config.Error.
func ParsePull(l *releases.Line, text string) (Pull, error) {
	if found := pullRequest.FindStringSubmatch(text); found != nil {
		r, err := atPage(l, text, cmp.Or(found[1], gitHub)+found[2])
		if err != nil {
			return Pull{}, err
		}
		return Pull{r.Name, releases.Merged{Title: found[2] + "#" + found[3], URL: r.URL, Ref: "refs/pull/" + found[3] + "/head", Commit: found[4]}}, nil
	}
	found := forkBranch.FindStringSubmatch(text)
	if found == nil {
		return Pull{}, config.Errorf("%s: want a pull request, as OWNER/REPOSITORY#123 or its page, or a branch of a fork, as OWNER/REPOSITORY@BRANCH", text)
	}
	if err := config.CheckRef(found[4]); err != nil {
		return Pull{}, config.Errorf("%s: %w", text, err)
	}
	for _, r := range l.Repositories {
		name := strings.TrimSuffix(path.Base(r.URL), ".git")
		if r.Name == found[1] || found[1] == "" && strings.EqualFold(name, path.Base(found[3])) {
			return Pull{r.Name, releases.Merged{Title: found[3] + "@" + found[4], URL: cmp.Or(found[2], gitHub) + found[3] + ".git", Ref: "refs/heads/" + found[4]}}, nil
		}
	}
	return Pull{}, config.Errorf("%s: line %s has no repository of that name; write NAME=%s, with a NAME that mageos-nightly lines show %[2]s lists", text, l.Name, strings.TrimPrefix(text, found[1]+"="))
}

// atPage is the repository of a line that has a page.
func atPage(l *releases.Line, what, page string) (*releases.Repository, error) {
	for i := range l.Repositories {
		if r := &l.Repositories[i]; strings.EqualFold(strings.TrimSuffix(strings.TrimSuffix(r.URL, "/"), ".git"), page) {
			return r, nil
		}
	}
	return nil, config.Errorf("%s: line %s builds no repository at %s; mageos-nightly lines show %[2]s lists those that it builds", what, l.Name, page)
}
